/* SPDX-License-Identifier: MIT */
/* Local sockets: pairs, names, accepting, polling. */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"

TEST(a_pair_talks_both_ways)
{
    int s[2];
    char text[8];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, s), 0);
    CHECK_EQ(write(s[0], "ab", 2), 2);
    CHECK_EQ(write(s[1], "xyz", 3), 3);
    CHECK_EQ(read(s[1], text, 8), 2);
    CHECK_EQ(recv(s[0], text, 8, MSG_PEEK), 3);
    CHECK_EQ(recv(s[0], text, 8, 0), 3);
    CHECK_EQ(memcmp(text, "xyz", 3), 0);
    CHECK_ERROR(recv(s[0], text, 8, MSG_DONTWAIT), EAGAIN);
    CHECK_ERROR(lseek(s[0], 0, SEEK_CUR), ESPIPE);
    close(s[1]);
    CHECK_EQ(read(s[0], text, 8), 0);
    CHECK_ERROR(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    close(s[0]);
}

TEST(shutdown_ends_one_direction)
{
    int s[2];
    char text[8];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, s), 0);
    CHECK_EQ(fcntl(s[0], F_GETFD), FD_CLOEXEC);
    CHECK_EQ(write(s[0], "last", 4), 4);
    CHECK_EQ(shutdown(s[0], SHUT_WR), 0);
    CHECK_ERROR(send(s[0], "x", 1, MSG_NOSIGNAL), EPIPE);
    CHECK_EQ(read(s[1], text, 8), 4);
    CHECK_EQ(read(s[1], text, 8), 0);
    CHECK_EQ(write(s[1], "back", 4), 4);
    CHECK_EQ(read(s[0], text, 8), 4);
    close(s[0]);
    close(s[1]);
}

static int named(const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };
    int s = socket(AF_UNIX, SOCK_STREAM, 0);

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    CHECK_EQ(bind(s, (struct sockaddr *)&address, sizeof(address)), 0);
    return s;
}

static int connect_to(int s, const char *path)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX };

    snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
    return connect(s, (struct sockaddr *)&address, sizeof(address));
}

TEST(a_server_accepts_its_clients)
{
    char text[8];
    struct stat st;
    int status;
    scratch_enter();
    unlink("server");
    int s = named("server");
    CHECK_EQ(stat("server", &st), 0);
    CHECK_EQ(st.st_mode & S_IFMT, S_IFSOCK);
    int early = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_ERROR(connect_to(early, "server"), ECONNREFUSED);
    CHECK_ERROR(accept(s, NULL, NULL), EINVAL);
    CHECK_EQ(listen(s, 5), 0);
    pid_t child = fork();
    if (child == 0) {
        int c = socket(AF_UNIX, SOCK_STREAM, 0);
        if (connect_to(c, "server") != 0 || write(c, "hi", 2) != 2 || read(c, text, 8) != 3)
            _exit(1);
        _exit(0);
    }
    struct pollfd fds[1] = { { s, POLLIN, 0 } };
    CHECK_EQ(poll(fds, 1, 10000), 1);
    struct sockaddr_un peer;
    socklen_t length = sizeof(peer);
    int c = accept4(s, (struct sockaddr *)&peer, &length, SOCK_CLOEXEC);
    CHECK(c >= 0);
    CHECK_EQ(peer.sun_family, AF_UNIX);
    CHECK_EQ(length, 2);
    CHECK_EQ(read(c, text, 8), 2);
    CHECK_EQ(write(c, "yes", 3), 3);
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    CHECK_EQ(read(c, text, 8), 0);
    close(c);
    close(s);
    CHECK_ERROR(connect_to(early, "server"), ECONNREFUSED);
    CHECK_ERROR(connect_to(early, "missing"), ENOENT);
    CHECK_ERROR(open("server", O_RDWR), ENXIO);
    close(early);
    unlink("server");
}

TEST(names_are_unique_and_can_be_asked_for)
{
    struct sockaddr_un address;
    socklen_t length = sizeof(address);
    scratch_enter();
    unlink("name");
    int s = named("name");
    int other = socket(AF_UNIX, SOCK_STREAM, 0);
    struct sockaddr_un same = { .sun_family = AF_UNIX, .sun_path = "name" };
    CHECK_ERROR(bind(other, (struct sockaddr *)&same, sizeof(same)), EADDRINUSE);
    CHECK_EQ(getsockname(s, (struct sockaddr *)&address, &length), 0);
    CHECK_EQ(strcmp(address.sun_path, "name"), 0);
    CHECK_EQ(length, offsetof(struct sockaddr_un, sun_path) + 5);
    CHECK_ERROR(getpeername(s, (struct sockaddr *)&address, &length), ENOTCONN);
    int type = 0;
    length = sizeof(type);
    CHECK_EQ(getsockopt(s, SOL_SOCKET, SO_TYPE, &type, &length), 0);
    CHECK_EQ(type, SOCK_STREAM);
    close(s);
    close(other);
    unlink("name");
}

TEST(abstract_names_need_no_file)
{
    struct sockaddr_un address = { .sun_family = AF_UNIX, .sun_path = "\0planaria-test" };
    socklen_t length = offsetof(struct sockaddr_un, sun_path) + 14;
    int s = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);
    CHECK_EQ(bind(s, (struct sockaddr *)&address, length), 0);
    CHECK_EQ(listen(s, 1), 0);
    CHECK_ERROR(accept(s, NULL, NULL), EAGAIN);
    int c = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK_EQ(connect(c, (struct sockaddr *)&address, length), 0);
    CHECK_ERROR(connect(c, (struct sockaddr *)&address, length), EISCONN);
    int a = accept(s, NULL, NULL);
    CHECK(a >= 0);
    CHECK_EQ(write(c, "1", 1), 1);
    char byte;
    CHECK_EQ(read(a, &byte, 1), 1);
    close(a);
    close(c);
    close(s);
}

TEST(wrong_files_and_kinds)
{
    int s[2];
    CHECK_ERROR(listen(0, 1), ENOTSOCK);
    CHECK_ERROR(listen(999, 1), EBADF);
    CHECK_ERROR(socket(99, SOCK_STREAM, 0), EAFNOSUPPORT);
    CHECK_ERROR(socketpair(AF_UNIX, SOCK_STREAM, 77, s), EPROTONOSUPPORT);
    int n = socket(AF_UNIX, SOCK_STREAM, 0);
    char byte;
    CHECK_ERROR(read(n, &byte, 1), EINVAL);
    CHECK_ERROR(send(n, "x", 1, MSG_NOSIGNAL), ENOTCONN);
    close(n);
}

TAP_MAIN
