/*
 * tool_on_terminal KEYS PROGRAM [ARGUMENT...]: runs a program on a terminal of 80 by 24 with the keys
 * typed ahead, and ends as it does. What it draws goes to standard output.
 */
#include <errno.h>
#include <pty.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
    struct winsize size = {.ws_row = 24, .ws_col = 80};
    int master, status = 0;
    char drawn[4096];
    ssize_t n;

    if (argc < 3)
        return 2;
    pid_t child = forkpty(&master, NULL, NULL, &size);
    if (child < 0)
        return 2;
    if (child == 0) {
        setenv("TERM", "xterm-256color", 1);
        execv(argv[2], argv + 2);
        _exit(127);
    }
    if (write(master, argv[1], strlen(argv[1])) != (ssize_t)strlen(argv[1]))
        return 2;
    /* The child's end is EIO. */
    while ((n = read(master, drawn, sizeof(drawn))) > 0 || (n < 0 && errno == EINTR))
        if (n > 0)
            (void)fwrite(drawn, 1, (size_t)n, stdout);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        continue;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
