/* One thread: fills the connections with requests and counts what comes back. */
#include "crowd.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* Each from an address of its own, and so the peers. */
#define CONNECTIONS 128
#define PORT_FIRST 1024
#define PORTS (65536 - PORT_FIRST)
#define PATIENCE_MS 20000

static const char good[] = "P2P-DI/1.0 200 ";

struct line {
    int fd;
    char *out; /* what it asks for, all of it */
    size_t out_len, sent;
    size_t asked, answered, matched; /* matched: of `good` */
};

static int open_line(uint16_t port, unsigned source)
{
    struct sockaddr_in from = {.sin_family = AF_INET,
                               .sin_addr.s_addr = htonl(0x7f000200 + 1 + source)};
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(port)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    if (fd >= 0 && (bind(fd, (struct sockaddr *)&from, sizeof(from)) != 0 ||
                    connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)) {
        close(fd);
        return -1;
    }
    return fd;
}

/* Every CONNECTIONS-th peer of the crowd. */
static void prepare(struct line *l, size_t first, size_t count)
{
    FILE *f = open_memstream(&l->out, &l->out_len);

    for (size_t i = first; f != NULL && i < count; i += CONNECTIONS) {
        fprintf(f,
                "REGISTER P2P-DI/1.0\r\nHost: host-%05zu\r\nOS: Linux 6.%zu\r\nPort: %zu\r\n\r\n",
                i, i % 12, PORT_FIRST + i / CONNECTIONS % PORTS);
        l->asked++;
    }
    if (f != NULL)
        fclose(f);
}

static void write_more(struct line *l)
{
    ssize_t n = send(l->fd, l->out + l->sent, l->out_len - l->sent, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n > 0)
        l->sent += (size_t)n;
}

/* false: it is over with this line. */
static bool read_more(struct line *l)
{
    char bytes[65536];
    ssize_t n = recv(l->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

    if (n <= 0)
        return n < 0 && (errno == EAGAIN || errno == EINTR);
    for (ssize_t i = 0; i < n; i++) {
        l->matched = bytes[i] == good[l->matched] ? l->matched + 1 : bytes[i] == good[0];
        if (good[l->matched] == '\0') {
            l->answered++;
            l->matched = 0;
        }
    }
    return l->answered < l->asked;
}

size_t crowd_register(uint16_t port, size_t count)
{
    static struct line lines[CONNECTIONS];
    struct pollfd fds[CONNECTIONS];
    size_t open = 0, answered = 0;

    memset(lines, 0, sizeof(lines));
    for (size_t i = 0; i < CONNECTIONS; i++) {
        prepare(&lines[i], i, count);
        lines[i].fd = open_line(port, (unsigned)i);
        open += lines[i].fd >= 0;
    }
    while (open > 0) {
        for (size_t i = 0; i < CONNECTIONS; i++)
            fds[i] = (struct pollfd){
                .fd = lines[i].fd,
                .events = (short)(POLLIN | (lines[i].sent < lines[i].out_len ? POLLOUT : 0))};
        if (poll(fds, CONNECTIONS, PATIENCE_MS) <= 0)
            break;
        for (size_t i = 0; i < CONNECTIONS; i++) {
            if ((fds[i].revents & POLLOUT) != 0)
                write_more(&lines[i]);
            if ((fds[i].revents & ~POLLOUT) != 0 && !read_more(&lines[i])) {
                close(lines[i].fd);
                lines[i].fd = -1;
                open--;
            }
        }
    }
    for (size_t i = 0; i < CONNECTIONS; i++) {
        if (lines[i].fd >= 0)
            close(lines[i].fd);
        answered += lines[i].answered;
        free(lines[i].out);
    }
    return answered;
}
