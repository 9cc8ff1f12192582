"""How the demonstration speaks: numbered steps, short lines, a progress bar on terminals and plain text elsewhere."""
import os
import shlex
import sys

WIDTH = 108
BAR = 40


def number(n):
    return f'{round(n):,}'


class Narrator:
    def __init__(self, out=sys.stdout):
        self.out, self.n = out, 0
        out.reconfigure(encoding='utf-8', errors='replace')
        self.on_terminal = out.isatty()
        self.colours = self.on_terminal and 'NO_COLOR' not in os.environ
        self.open_bar = False

    def _write(self, text):
        if self.open_bar:
            self.out.write('\n')
            self.open_bar = False
        self.out.write(text + '\n')
        self.out.flush()

    def _painted(self, code, text):
        return f'\x1b[{code}m{text}\x1b[0m' if self.colours else text

    def title(self, text):
        self._write(self._painted('1', text))

    def step(self, text):
        self.n += 1
        self._write('\n' + self._painted('1', f'{self.n:2}. {text}'))

    def line(self, text):
        self._write(f'    {text}')

    def good(self, text):
        self._write('    ' + self._painted('32', '✓') + f' {text}')

    def bad(self, text):
        self._write('    ' + self._painted('31', '✗') + f' {text}')

    def end(self, text):
        self._write('\n' + self._painted('1', text))

    def quote(self, text):
        """What a tool printed."""
        for line in text.rstrip().splitlines():
            self.line(self._painted('2', line))

    def command(self, *words):
        """A command as one would type it, broken where it gets long."""
        lines, room = ['$'], WIDTH
        for word in words:
            word = shlex.quote(word)
            if len(lines[-1]) + len(word) + 3 > room or (word.startswith('--') and len(lines[-1]) > room // 2):
                lines[-1] += ' \\'
                lines.append('     ')
            lines[-1] += f' {word}'
        for line in lines:
            self._write('    ' + self._painted('36', line))

    def progress(self, what, total):
        """A function that takes how many are done, shows it, and returns it."""
        shown = [-1]

        def on_terminal(done):
            filled = done * BAR // total
            if filled != shown[0] or done == total:
                shown[0] = filled
                self.out.write(f'\r    [{"#" * filled}{"." * (BAR - filled)}] {number(done)} of {number(total)} {what}')
                self.out.flush()
                self.open_bar = True
            return done

        def elsewhere(done):
            fifth = done * 5 // total
            if fifth > shown[0] and done > 0 and fifth > 0:
                shown[0] = fifth
                self.line(f'{number(done):>5} of {number(total)} {what}')
            return done

        return on_terminal if self.on_terminal else elsewhere
