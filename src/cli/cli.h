#pragma once

/* The `godwit` program: one command a call, then it exits. */

/* Runs the command line; returns the process's exit code: 0 ok, 1 failed, 2 wrong usage. */
int cli_main(int argc, char **argv);
