#include <sched.h>
#include <stdatomic.h>

#include "io/test_net.h"

enum { SENDERS = 4, PER_SENDER = 20000, VISITS = 4000 };

struct message {
    struct mail mail; /* first */
    int sender;
    int number;
};

static struct message *message_new(int sender, int number)
{
    struct message *m = malloc(sizeof *m);
    assert_non_null(m);
    *m = (struct message){.sender = sender, .number = number};
    return m;
}

/* What a receiver checks: each sender's messages come once and in order. */
struct ledger {
    int next[SENDERS];
    size_t n;
    size_t n_batches;
};

static void take_down(struct ledger *l, struct mail *batch)
{
    l->n_batches++;
    while (batch != NULL) {
        struct message *m = (struct message *)batch;
        batch = batch->next;
        assert_int_equal(m->number, l->next[m->sender]);
        l->next[m->sender]++;
        l->n++;
        free(m);
    }
}

struct sender {
    struct mailbox *mb;
    int id;
    size_t n_busy;
};

static void send_all(void *arg)
{
    struct sender *s = arg;
    for (int i = 0; i < PER_SENDER; i++) {
        struct message *m = message_new(s->id, i);
        while (mailbox_post(s->mb, &m->mail) != OK) {
            s->n_busy++;
        }
    }
}

static void spawn_all(
    struct mailbox *mb, struct sender senders[SENDERS], struct io_thread *threads[SENDERS])
{
    for (int i = 0; i < SENDERS; i++) {
        senders[i] = (struct sender){.mb = mb, .id = i};
        assert_int_equal(io_thread_spawn("sender", send_all, &senders[i], &threads[i]), OK);
    }
}

/* Order is kept, the bound holds, and a refused or late message stays the sender's. */
static void test_bound_and_close(void **state)
{
    (void)state;
    struct mailbox *mb = mailbox_new(2);
    struct message m[3] = {{.number = 0}, {.number = 1}, {.number = 2}};
    assert_null(mailbox_take_all(mb));
    assert_false(mailbox_wait(mb, 0));
    assert_int_equal(mailbox_post(mb, &m[0].mail), OK);
    assert_int_equal(mailbox_post(mb, &m[1].mail), OK);
    assert_int_equal(mailbox_post(mb, &m[2].mail), ERR_BUSY);
    assert_int_equal(mailbox_depth(mb), 2);
    assert_true(mailbox_wait(mb, -1));
    struct mail *batch = mailbox_take_all(mb);
    assert_ptr_equal(batch, &m[0].mail);
    assert_ptr_equal(batch->next, &m[1].mail);
    assert_null(batch->next->next);
    assert_int_equal(mailbox_post(mb, &m[2].mail), OK);
    mailbox_close(mb);
    mailbox_close(mb);
    assert_true(mailbox_closed(mb));
    assert_int_equal(mailbox_post(mb, &m[0].mail), ERR_UNAVAILABLE);
    assert_true(mailbox_wait(mb, -1));
    assert_ptr_equal(mailbox_take_all(mb), &m[2].mail);
    assert_false(mailbox_wait(mb, -1));
    mailbox_free(mb);
    mailbox_free(NULL);
}

/* A chain arrives as it was linked, behind what waited; one that does not fit is refused whole. */
static void test_chain(void **state)
{
    (void)state;
    struct mailbox *mb = mailbox_new(3);
    struct message m[4] = {{.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}};
    assert_int_equal(mailbox_post(mb, &m[0].mail), OK);
    m[1].mail.next = &m[2].mail;
    m[2].mail.next = &m[3].mail;
    assert_int_equal(mailbox_post_all(mb, &m[1].mail, &m[3].mail, 3), ERR_BUSY);
    assert_int_equal(mailbox_depth(mb), 1);
    assert_int_equal(mailbox_post_all(mb, &m[1].mail, &m[2].mail, 2), OK);
    struct mail *batch = mailbox_take_all(mb);
    assert_ptr_equal(batch, &m[0].mail);
    assert_ptr_equal(batch->next, &m[1].mail);
    assert_ptr_equal(batch->next->next, &m[2].mail);
    assert_null(batch->next->next->next);
    mailbox_close(mb);
    assert_int_equal(mailbox_post_all(mb, &m[1].mail, &m[1].mail, 1), ERR_UNAVAILABLE);
    mailbox_free(mb);
}

/* A receiver that waits for many gets all of them, what is there when its patience ends, and
 * nothing when nothing comes; it then is woken by a single message again. */
static void test_wait_many(void **state)
{
    (void)state;
    struct mailbox *mb = mailbox_new(SENDERS * PER_SENDER);
    struct message m[2] = {{.number = 0}, {.number = 1}};
    assert_false(mailbox_wait_many(mb, 2, 0));
    assert_int_equal(mailbox_post(mb, &m[0].mail), OK);
    assert_true(mailbox_wait_many(mb, 2, 1));
    assert_int_equal(mailbox_post(mb, &m[1].mail), OK);
    assert_true(mailbox_wait_many(mb, 2, -1));
    struct mail *batch = mailbox_take_all(mb);
    assert_ptr_equal(batch, &m[0].mail);
    assert_ptr_equal(batch->next, &m[1].mail);
    struct sender senders[SENDERS];
    struct io_thread *threads[SENDERS];
    struct ledger l = {0};
    spawn_all(mb, senders, threads);
    assert_true(mailbox_wait_many(mb, SENDERS * PER_SENDER, -1));
    take_down(&l, mailbox_take_all(mb));
    assert_int_equal(l.n, SENDERS * PER_SENDER);
    for (int i = 0; i < SENDERS; i++) {
        io_thread_join(threads[i]);
    }
    assert_int_equal(mailbox_post(mb, &m[0].mail), OK);
    assert_true(mailbox_wait(mb, -1));
    assert_ptr_equal(mailbox_take_all(mb), &m[0].mail);
    mailbox_free(mb);
}

/* What a receiver and those that stand in for it work on, never two of them at a time. */
struct shop {
    struct mailbox *mb;
    atomic_uint busy; /* who are at work */
    size_t n_done;
    size_t n_lent;
    size_t n_left; /* senders that have not finished */
};

static void shop_work(struct shop *s, bool lent)
{
    assert_int_equal(atomic_fetch_add(&s->busy, 1), 0);
    s->n_done++;
    s->n_lent += lent ? 1U : 0U;
    assert_int_equal(atomic_fetch_sub(&s->busy, 1), 1);
}

/* Does each piece of work in the receiver's place if it can, and posts it if not. */
static void shop_visit(void *arg)
{
    struct shop *s = arg;
    for (int i = 0; i <= VISITS; i++) {
        bool last = i == VISITS;
        if (!last && mailbox_borrow(s->mb)) {
            shop_work(s, /* lent= */ true);
            assert_false(mailbox_borrow(s->mb));
            mailbox_return(s->mb, i % 3 == 0);
            continue;
        }
        struct message *m = message_new(0, last);
        assert_int_equal(mailbox_post(s->mb, &m->mail), OK);
        while (!last && mailbox_depth(s->mb) > 0) {
            sched_yield(); /* so that the receiver comes to wait */
        }
    }
}

/* Four threads that borrow the box of a fifth when it waits: whatever the receiver's wait is ended
 * by, and whoever posts meanwhile, no two are at work at a time and nothing is left undone. */
static void test_borrow(void **state)
{
    (void)state;
    struct shop s = {.mb = mailbox_new(SENDERS * (VISITS + 1)), .n_left = SENDERS};
    assert_false(mailbox_borrow(s.mb)); /* nobody waits */
    struct io_thread *threads[SENDERS];
    for (int i = 0; i < SENDERS; i++) {
        assert_int_equal(io_thread_spawn("sender", shop_visit, &s, &threads[i]), OK);
    }
    for (unsigned turn = 0; s.n_left > 0; turn++) {
        (void)mailbox_wait_many(s.mb, 1, turn % 4 == 0 ? 1 : -1);
        for (struct mail *mail = mailbox_take_all(s.mb), *next; mail != NULL; mail = next) {
            struct message *m = (struct message *)mail;
            next = mail->next;
            if (m->number == 0) {
                shop_work(&s, /* lent= */ false);
            }
            s.n_left -= m->number == 0 ? 0U : 1U;
            free(m);
        }
    }
    for (int i = 0; i < SENDERS; i++) {
        io_thread_join(threads[i]);
    }
    assert_int_equal(s.n_done, SENDERS * VISITS);
    assert_true(s.n_lent > 0);
    mailbox_free(s.mb);
}

/* Four threads to a plain thread that waits: everything arrives once, in each sender's order. */
static void test_to_thread(void **state)
{
    (void)state;
    struct mailbox *mb = mailbox_new(1000);
    struct sender senders[SENDERS];
    struct io_thread *threads[SENDERS];
    spawn_all(mb, senders, threads);
    struct ledger ledger = {0};
    while (ledger.n < SENDERS * PER_SENDER) {
        assert_true(mailbox_wait(mb, -1));
        take_down(&ledger, mailbox_take_all(mb));
    }
    for (int i = 0; i < SENDERS; i++) {
        io_thread_join(threads[i]);
    }
    assert_null(mailbox_take_all(mb));
    mailbox_free(mb);
}

struct loop_receiver {
    struct io_loop *loop;
    struct ledger ledger;
};

static void on_mail(void *arg, struct mail *batch)
{
    struct loop_receiver *r = arg;
    assert_non_null(batch);
    take_down(&r->ledger, batch);
    if (r->ledger.n == SENDERS * PER_SENDER) {
        io_loop_stop(r->loop);
    }
}

/* The same to a loop, which takes them in batches. */
static void test_to_loop(void **state)
{
    (void)state;
    struct loop_receiver r = {0};
    assert_int_equal(io_loop_new(&r.loop), OK);
    struct mailbox *mb = mailbox_new(1000);
    assert_int_equal(mailbox_attach(mb, r.loop, on_mail, &r), OK);
    struct sender senders[SENDERS];
    struct io_thread *threads[SENDERS];
    spawn_all(mb, senders, threads);
    io_loop_run(r.loop);
    for (int i = 0; i < SENDERS; i++) {
        io_thread_join(threads[i]);
    }
    mailbox_detach(mb);
    mailbox_detach(mb);
    assert_int_equal(mailbox_depth(mb), 0);
    mailbox_free(mb);
    io_loop_free(r.loop);
}

/* Messages posted in one turn come as one batch, and those posted before attaching are not
 * forgotten. */
static void test_batching(void **state)
{
    (void)state;
    struct loop_receiver r = {0};
    assert_int_equal(io_loop_new(&r.loop), OK);
    struct mailbox *mb = mailbox_new(1000);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(mailbox_post(mb, &message_new(0, i)->mail), OK);
    }
    assert_int_equal(mailbox_attach(mb, r.loop, on_mail, &r), OK);
    LOOP_UNTIL(r.loop, r.ledger.n == 10);
    for (int i = 10; i < 110; i++) {
        assert_int_equal(mailbox_post(mb, &message_new(0, i)->mail), OK);
    }
    LOOP_UNTIL(r.loop, r.ledger.n == 110);
    assert_int_equal(r.ledger.n_batches, 2);
    mailbox_detach(mb);
    mailbox_free(mb);
    io_loop_free(r.loop);
}

struct ping_pong {
    struct mailbox *to_thread;
    struct mailbox *to_loop;
    struct io_loop *loop;
    int rounds;
};

static void echo(void *arg)
{
    struct ping_pong *p = arg;
    for (;;) {
        if (!mailbox_wait(p->to_thread, -1)) {
            return; /* closed */
        }
        for (struct mail *m = mailbox_take_all(p->to_thread); m != NULL;) {
            struct mail *next = m->next;
            assert_int_equal(mailbox_post(p->to_loop, m), OK);
            m = next;
        }
    }
}

static void on_pong(void *arg, struct mail *batch)
{
    struct ping_pong *p = arg;
    assert_null(batch->next);
    if (++p->rounds == 2000) {
        mailbox_close(p->to_thread);
        io_loop_stop(p->loop);
        return;
    }
    assert_int_equal(mailbox_post(p->to_thread, batch), OK);
}

/* One message to and fro between a loop and a thread: no wake-up is ever lost. */
static void test_no_lost_wake(void **state)
{
    (void)state;
    struct ping_pong p = {.to_thread = mailbox_new(1), .to_loop = mailbox_new(1)};
    assert_int_equal(io_loop_new(&p.loop), OK);
    assert_int_equal(mailbox_attach(p.to_loop, p.loop, on_pong, &p), OK);
    struct io_thread *thread;
    assert_int_equal(io_thread_spawn("a name longer than fifteen", echo, &p, &thread), OK);
    struct message m = {0};
    assert_int_equal(mailbox_post(p.to_thread, &m.mail), OK);
    io_loop_run(p.loop);
    io_thread_join(thread);
    mailbox_detach(p.to_loop);
    mailbox_free(p.to_thread);
    mailbox_free(p.to_loop);
    io_loop_free(p.loop);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound_and_close),
        cmocka_unit_test(test_chain),
        cmocka_unit_test(test_wait_many),
        cmocka_unit_test(test_borrow),
        cmocka_unit_test(test_to_thread),
        cmocka_unit_test(test_to_loop),
        cmocka_unit_test(test_batching),
        cmocka_unit_test(test_no_lost_wake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
