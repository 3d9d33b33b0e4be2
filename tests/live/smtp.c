/*
 * The ends of the live scene's mail.
 *
 *     smtp sink ADDRESS NAME LOG      a mail server on ADDRESS port 25
 *     smtp deaf ADDRESS COUNT         that many hosts from ADDRESS on, which
 *                                     never answer a connection
 *     smtp send ADDRESS RATE LOG      hands mail to ADDRESS port 25, RATE a
 *                                     second, as standard input says
 *
 * The sink judges a recipient by its local part: `guess...` gets 550 5.1.1,
 * `slow.EPOCH...` gets 451 4.7.1 until that second, anything else is taken.
 * For each message taken LOG gets, before the sender hears 250, one line
 * `MESSAGE-ID RECIPIENT...`.
 *
 * Standard input of `send` has one message a line: `KIND BYTES SENDER
 * RECIPIENT...`. Each gets a Message-ID of its own. After the answer to its
 * last dot LOG gets `accepted KIND QUEUE-ID MESSAGE-ID SENDER RECIPIENT...`;
 * a message that was not taken is logged as `failed KIND - MESSAGE-ID REPLY`
 * and makes the exit status 1.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

enum {
    LINE_MAX_BYTES = 4096,
    RECIPIENTS_MAX_COUNT = 20,
    SMTP_PORT = 25,
    PATIENCE_SEC = 60,
    MESSAGES_PER_SESSION = 5
};

struct line {
    char text[LINE_MAX_BYTES];
};

struct stream {
    FILE *in, *out;
};

static void die(const char *object)
{
    fprintf(stderr, "smtp: %s: %s\n", object, strerror(errno));
    exit(1);
}

static struct sockaddr_in address_of(const char *text)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons(SMTP_PORT)};
    if (inet_pton(AF_INET, text, &address.sin_addr) != 1) {
        errno = EINVAL;
        die(text);
    }
    return address;
}

static int open_log(const char *path)
{
    int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
    if (fd < 0)
        die(path);
    return fd;
}

/* One write() a line, so that lines of several processes never mix. */
static void log_line(int fd, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
static void log_line(int fd, const char *format, ...)
{
    char text[LINE_MAX_BYTES];
    va_list arguments;

    va_start(arguments, format);
    int length = vsnprintf(text, sizeof text - 1, format, arguments);
    va_end(arguments);
    if (length < 0 || length >= (int)sizeof text - 1) {
        errno = EOVERFLOW;
        die("log line");
    }
    text[length] = '\n';
    if (write(fd, text, (size_t)length + 1) != length + 1)
        die("log");
}

/* Both directions of a connected socket, which the stream then owns. */
static bool stream_open(struct stream *stream_r, int fd)
{
    struct timeval patience = {.tv_sec = PATIENCE_SEC};
    int twin = dup(fd);

    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    stream_r->in = fdopen(fd, "r");
    stream_r->out = twin < 0 ? NULL : fdopen(twin, "w");
    return stream_r->in && stream_r->out;
}

static void stream_close(struct stream *stream)
{
    fclose(stream->out);
    fclose(stream->in);
}

/* Without its line end; over-long lines come in pieces. False at the end. */
static bool read_line(struct stream *stream, struct line *line_r)
{
    if (!fgets(line_r->text, sizeof line_r->text, stream->in))
        return false;
    line_r->text[strcspn(line_r->text, "\r\n")] = '\0';
    return true;
}

static void say(struct stream *stream, const char *text)
{
    fputs(text, stream->out);
    fputs("\r\n", stream->out);
    fflush(stream->out);
}

static bool has_prefix(const char *text, const char *prefix)
{
    return strncasecmp(text, prefix, strlen(prefix)) == 0;
}

/* ---- the sink --------------------------------------------------------- */

struct letter {
    char id[256];
    char recipients[1024];
};

/* The part between < and > of a command, cut to what `text_r` holds. */
static void path_of(const char *command, char *text_r, size_t size_bytes)
{
    const char *open = strchr(command, '<');
    const char *start = open ? open + 1 : "";
    size_t length = strcspn(start, "> ");

    if (length >= size_bytes)
        length = size_bytes - 1;
    memcpy(text_r, start, length);
    text_r[length] = '\0';
}

static void judge_recipient(struct stream *peer, const char *command,
                            struct letter *letter)
{
    char path[256];
    size_t used = strlen(letter->recipients);

    path_of(command, path, sizeof path);
    if (has_prefix(path, "guess")) {
        say(peer, "550 5.1.1 User unknown");
    } else if (has_prefix(path, "slow.") &&
               time(NULL) < strtoll(path + 5, NULL, 10)) {
        say(peer, "451 4.7.1 Greylisted, please try again later");
    } else if (used + strlen(path) + 2 > sizeof letter->recipients) {
        say(peer, "452 4.5.3 Too many recipients");
    } else {
        snprintf(letter->recipients + used, sizeof letter->recipients - used,
                 " %s", path);
        say(peer, "250 2.1.5 Recipient ok");
    }
}

/* Reads up to the last dot, remembers the Message-ID. */
static bool take_data(struct stream *peer, struct letter *letter)
{
    struct line line;
    bool in_header = true;

    strcpy(letter->id, "-");
    while (read_line(peer, &line)) {
        if (strcmp(line.text, ".") == 0)
            return true;
        if (line.text[0] == '\0')
            in_header = false;
        if (in_header && has_prefix(line.text, "Message-ID:"))
            sscanf(line.text + strlen("Message-ID:"), "%255s", letter->id);
    }
    return false;
}

static void serve(struct stream *peer, const char *name, int log_fd)
{
    struct line line;
    struct letter letter = {.recipients = ""};

    fprintf(peer->out, "220 %s ESMTP\r\n", name);
    fflush(peer->out);
    while (read_line(peer, &line)) {
        if (has_prefix(line.text, "EHLO")) {
            fprintf(peer->out, "250-%s\r\n250-ENHANCEDSTATUSCODES\r\n", name);
            say(peer, "250 8BITMIME");
        } else if (has_prefix(line.text, "RCPT")) {
            judge_recipient(peer, line.text, &letter);
        } else if (has_prefix(line.text, "DATA") && !letter.recipients[0]) {
            say(peer, "503 5.5.1 Need RCPT");
        } else if (has_prefix(line.text, "DATA")) {
            say(peer, "354 Go on");
            if (!take_data(peer, &letter))
                return;
            log_line(log_fd, "%s%s", letter.id, letter.recipients);
            letter.recipients[0] = '\0';
            say(peer, "250 2.0.0 Taken");
        } else if (has_prefix(line.text, "QUIT")) {
            say(peer, "221 2.0.0 Bye");
            return;
        } else {
            letter.recipients[0] = '\0';
            say(peer, "250 2.0.0 Ok");
        }
    }
}

static _Noreturn void sink(const char *address_text, const char *name,
                           const char *path)
{
    struct sockaddr_in address = address_of(address_text);
    int log_fd = open_log(path);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int yes = 1;

    signal(SIGCHLD, SIG_IGN);
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, 100) < 0)
        die(address_text);
    for (;;) {
        int peer_fd = accept(fd, NULL, NULL);
        if (peer_fd < 0)
            continue;
        if (fork() == 0) {
            struct stream peer;
            if (stream_open(&peer, peer_fd))
                serve(&peer, name, log_fd);
            _exit(0);
        }
        close(peer_fd);
    }
}

/* ---- deaf hosts ------------------------------------------------------- */

/*
 * The kernel drops what a full queue of connections cannot take. Who connects
 * then waits for his own timeout, as for a filtered port, and a queue runner
 * holds its message meanwhile.
 */
static void open_deaf(struct sockaddr_in address)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 ||
        listen(fd, 0) < 0)
        die("deaf host");
    for (int i = 0; i < 2; i++) {
        int peer =
            socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (connect(peer, (struct sockaddr *)&address, sizeof address) < 0 &&
            errno != EINPROGRESS)
            die("deaf host");
    }
}

static _Noreturn void deaf(const char *address_text, unsigned long count)
{
    struct sockaddr_in address = address_of(address_text);

    for (; count > 0; count--) {
        open_deaf(address);
        address.sin_addr.s_addr = htonl(ntohl(address.sin_addr.s_addr) + 1);
    }
    for (;;)
        pause();
}

/* ---- the sender ------------------------------------------------------- */

struct order {
    char kind[32];
    size_t size_bytes;
    char sender[256];
    char *recipients[RECIPIENTS_MAX_COUNT];
    size_t recipient_count;
};

static void order_parse(struct order *order_r, char *text)
{
    char *rest = NULL;
    char *words[3] = {strtok_r(text, " \n", &rest),
                      strtok_r(NULL, " \n", &rest),
                      strtok_r(NULL, " \n", &rest)};
    char *word;

    memset(order_r, 0, sizeof *order_r);
    while (order_r->recipient_count < RECIPIENTS_MAX_COUNT &&
           (word = strtok_r(NULL, " \n", &rest)))
        order_r->recipients[order_r->recipient_count++] = word;
    if (order_r->recipient_count == 0) {
        errno = EINVAL;
        die("order without recipient");
    }
    snprintf(order_r->kind, sizeof order_r->kind, "%s", words[0]);
    order_r->size_bytes = strtoul(words[1], NULL, 10);
    snprintf(order_r->sender, sizeof order_r->sender, "%s", words[2]);
}

/* The last line of a reply; false unless it begins with `digit`. */
static bool expect(struct stream *server, char digit, struct line *reply_r)
{
    do {
        if (!read_line(server, reply_r)) {
            strcpy(reply_r->text, "connection closed");
            return false;
        }
    } while (strlen(reply_r->text) > 3 && reply_r->text[3] == '-');
    return reply_r->text[0] == digit;
}

static bool command(struct stream *server, char digit, struct line *reply_r,
                    const char *verb, const char *argument, const char *end)
{
    fprintf(server->out, "%s%s%s\r\n", verb, argument, end);
    fflush(server->out);
    return expect(server, digit, reply_r);
}

static bool session_open(struct stream *server_r,
                         const struct sockaddr_in *address,
                         struct line *reply_r)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd < 0 ||
        connect(fd, (const struct sockaddr *)address, sizeof *address) < 0) {
        snprintf(reply_r->text, sizeof reply_r->text, "connect: %s",
                 strerror(errno));
        if (fd >= 0)
            close(fd);
        return false;
    }
    if (!stream_open(server_r, fd))
        die("fdopen");
    if (expect(server_r, '2', reply_r) &&
        command(server_r, '2', reply_r, "EHLO ", "client.example.net", ""))
        return true;
    stream_close(server_r);
    return false;
}

static void write_letter(struct stream *server, const struct order *order,
                         const char *id)
{
    static const char filler[] =
        "The quick brown fox jumps over the lazy dog, again and again.\r\n";

    fprintf(server->out,
            "Message-ID: %s\r\nFrom: <%s>\r\nTo: <%s>\r\n"
            "Subject: live scene, kind %s\r\n\r\n",
            id, order->sender, order->recipients[0], order->kind);
    for (size_t done = 0; done < order->size_bytes; done += sizeof filler - 1)
        fputs(filler, server->out);
    fputs(".\r\n", server->out);
    fflush(server->out);
}

static bool send_one(struct stream *server, const struct order *order,
                     const char *id, struct line *reply_r)
{
    if (!command(server, '2', reply_r, "MAIL FROM:<", order->sender, ">"))
        return false;
    for (size_t i = 0; i < order->recipient_count; i++)
        if (!command(server, '2', reply_r, "RCPT TO:<", order->recipients[i],
                     ">"))
            return false;
    if (!command(server, '3', reply_r, "DATA", "", ""))
        return false;
    write_letter(server, order, id);
    return expect(server, '2', reply_r);
}

/* The reply was "250 2.0.0 QUEUEID Message accepted for delivery". */
static void log_accepted(int log_fd, const struct order *order, const char *id,
                         const char *reply)
{
    char queue_id[64] = "-";
    char recipients[1024] = "";
    size_t used = 0;

    sscanf(reply, "250 2.0.0 %63s", queue_id);
    for (size_t i = 0; i < order->recipient_count; i++) {
        int length = snprintf(recipients + used, sizeof recipients - used,
                              " %s", order->recipients[i]);
        if (length < 0 || (size_t)length >= sizeof recipients - used)
            break;
        used += (size_t)length;
    }
    log_line(log_fd, "accepted %s %s %s %s%s", order->kind, queue_id, id,
             order->sender, recipients);
}

static void sleep_until(const struct timespec *start, double sec)
{
    struct timespec when = *start;

    when.tv_sec += (time_t)sec;
    when.tv_nsec += (long)((sec - (double)(time_t)sec) * 1e9);
    if (when.tv_nsec >= 1000000000) {
        when.tv_sec++;
        when.tv_nsec -= 1000000000;
    }
    clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

static int send_all(const char *address_text, double rate, const char *path)
{
    struct sockaddr_in address = address_of(address_text);
    int log_fd = open_log(path);
    struct timespec start;
    struct stream server;
    struct line text, reply;
    struct order order;
    bool is_open = false;
    unsigned count = 0, failed_count = 0;

    signal(SIGPIPE, SIG_IGN);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (; fgets(text.text, sizeof text.text, stdin); count++) {
        char id[128];

        order_parse(&order, text.text);
        snprintf(id, sizeof id, "<%s.%u.%ld@client.example.net>", order.kind,
                 count, (long)getpid());
        sleep_until(&start, count / rate);
        if (is_open && count % MESSAGES_PER_SESSION == 0) {
            command(&server, '2', &reply, "QUIT", "", "");
            stream_close(&server);
            is_open = false;
        }
        if (!is_open)
            is_open = session_open(&server, &address, &reply);
        if (is_open && send_one(&server, &order, id, &reply)) {
            log_accepted(log_fd, &order, id, reply.text);
            continue;
        }
        log_line(log_fd, "failed %s - %s %s", order.kind, id, reply.text);
        failed_count++;
        if (is_open)
            stream_close(&server);
        is_open = false;
    }
    if (is_open)
        command(&server, '2', &reply, "QUIT", "", "");
    return failed_count != 0;
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "sink") == 0)
        sink(argv[2], argv[3], argv[4]);
    if (argc == 4 && strcmp(argv[1], "deaf") == 0)
        deaf(argv[2], strtoul(argv[3], NULL, 10));
    if (argc == 5 && strcmp(argv[1], "send") == 0 && strtod(argv[3], NULL) > 0)
        return send_all(argv[2], strtod(argv[3], NULL), argv[4]);
    fprintf(stderr, "usage: smtp sink ADDRESS NAME LOG\n"
                    "       smtp deaf ADDRESS COUNT\n"
                    "       smtp send ADDRESS RATE LOG\n");
    return 2;
}
