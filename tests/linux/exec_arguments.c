/* SPDX-License-Identifier: MIT */
/*
 * execve: arguments, environment, what survives and what does not, scripts, errors. The program executes itself: an argument says what to report.
 */
#include "tap.h"

#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <sys/auxv.h>
#include <sys/stat.h>
#include <sys/wait.h>

extern char **environ;

static char self[PATH_MAX];

/* Run `self` (or path) in a child; its exit status. */
static int run_as(const char *path, const char *const *arguments, const char *const *environment)
{
    int status;
    pid_t child = fork();

    if (child == 0) {
        execve(path, (char *const *)arguments, (char *const *)environment);
        _exit(200 + (errno & 31));
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    return WEXITSTATUS(status);
}

#define run_with(path, arguments, environment) run_as(path, arguments, (const char *const *)(environment))

static int report(int count, char **arguments)
{
    const char *what = arguments[1];
    struct sigaction action;
    sigset_t set;

    if (strcmp(what, "arguments") == 0)
        return count == 4 && strcmp(arguments[2], "two words") == 0 && strcmp(arguments[3], "") == 0 && arguments[4] == NULL ? 0 : 1;
    if (strcmp(what, "environment") == 0)
        return environ[0] && strcmp(environ[0], "A=1") == 0 && environ[1] && strcmp(environ[1], "B=") == 0 && !environ[2] ? 0 : 1;
    if (strcmp(what, "signals") == 0) {
        sigaction(SIGUSR1, NULL, &action);
        if (action.sa_handler != SIG_DFL)
            return 1;
        sigaction(SIGUSR2, NULL, &action);
        if (action.sa_handler != SIG_IGN)
            return 2;
        sigprocmask(SIG_SETMASK, NULL, &set);
        return sigismember(&set, SIGTERM) ? 0 : 3;
    }
    if (strcmp(what, "descriptors") == 0)
        return fcntl(50, F_GETFD) == 0 && fcntl(51, F_GETFD) == -1 ? 0 : 1;
    if (strcmp(what, "pid") == 0)
        return getpid() == atoi(arguments[2]) && getppid() == atoi(arguments[3]) ? 0 : 1;
    if (strcmp(what, "script") == 0)
        return count; /* not used */
    if (strcmp(what, "big") == 0)
        return (int)strlen(arguments[2]) == 100000 ? 0 : 1;
    if (strcmp(what, "many") == 0)
        return count == 3002 ? 0 : 1;
    return 99;
}

TEST(arguments_arrive)
{
    const char *arguments[] = { "self", "arguments", "two words", "", NULL };

    CHECK_EQ(run_with(self, arguments, environ), 0);
}

TEST(environment_arrives)
{
    const char *arguments[] = { "self", "environment", NULL };
    const char *environment[] = { "A=1", "B=", NULL };

    CHECK_EQ(run_with(self, arguments, environment), 0);
}

static void handler(int signal)
{
    (void)signal;
}

TEST(ignored_signals_and_mask_survive_handlers_do_not)
{
    const char *arguments[] = { "self", "signals", NULL };
    sigset_t set;

    signal(SIGUSR1, handler);
    signal(SIGUSR2, SIG_IGN);
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigprocmask(SIG_BLOCK, &set, NULL);
    CHECK_EQ(run_with(self, arguments, environ), 0);
    sigprocmask(SIG_UNBLOCK, &set, NULL);
    signal(SIGUSR1, SIG_DFL);
    signal(SIGUSR2, SIG_DFL);
}

TEST(cloexec_descriptors_are_closed)
{
    const char *arguments[] = { "self", "descriptors", NULL };

    CHECK_EQ(dup2(0, 50), 50);
    CHECK_EQ(dup2(0, 51), 51);
    CHECK_EQ(fcntl(51, F_SETFD, FD_CLOEXEC), 0);
    CHECK_EQ(run_with(self, arguments, environ), 0);
    close(50);
    close(51);
}

TEST(pid_stays)
{
    int status;
    pid_t parent = getpid();
    pid_t child = fork();

    if (child == 0) {
        char pid[20];
        char parent_pid[20];
        const char *arguments[] = { "self", "pid", pid, parent_pid, NULL };
        snprintf(pid, sizeof(pid), "%d", getpid());
        snprintf(parent_pid, sizeof(parent_pid), "%d", parent);
        execve(self, (char *const *)arguments, environ);
        _exit(1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

TEST(vfork_and_exec)
{
    const char *arguments[] = { "self", "arguments", "two words", "", NULL };
    int status;
    pid_t child = vfork();

    if (child == 0) {
        execve(self, (char *const *)arguments, environ);
        _exit(1);
    }
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
}

TEST(large_argument)
{
    char *text = malloc(100001);
    const char *arguments[] = { "self", "big", text, NULL };

    memset(text, 'x', 100000);
    text[100000] = '\0';
    CHECK_EQ(run_with(self, arguments, environ), 0);
    free(text);
}

TEST(many_arguments)
{
    const char **arguments = calloc(3003, sizeof(char *));

    for (int i = 0; i < 3002; i++)
        arguments[i] = "x";
    arguments[1] = "many";
    CHECK_EQ(run_with(self, arguments, environ), 0);
    free(arguments);
}

TEST(string_that_is_too_long)
{
    char *text = malloc(200001);
    const char *arguments[] = { "self", text, NULL };

    memset(text, 'x', 200000);
    text[200000] = '\0';
    CHECK_EQ(run_with(self, arguments, environ), 200 + E2BIG);
    free(text);
}

static void write_file(const char *path, const char *text, size_t length, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

    CHECK(fd >= 0);
    CHECK_EQ(write(fd, text, length), length);
    CHECK_EQ(fchmod(fd, mode), 0);
    close(fd);
}

TEST(errors_of_exec)
{
    const char *arguments[] = { "x", NULL };

    CHECK_EQ(run_with("/does/not/exist", arguments, environ), 200 + ENOENT);
    CHECK_EQ(run_with("", arguments, environ), 200 + ENOENT);
    CHECK_EQ(run_with("/", arguments, environ), 200 + EACCES);
    write_file("/tmp/exec_test_file", "text\n", 5, 0644);
    CHECK_EQ(run_with("/tmp/exec_test_file", arguments, environ), 200 + EACCES);
    CHECK_EQ(chmod("/tmp/exec_test_file", 0755), 0);
    CHECK_EQ(run_with("/tmp/exec_test_file", arguments, environ), 200 + ENOEXEC);
    write_file("/tmp/exec_test_file", "\177ELF", 4, 0755);
    CHECK_EQ(run_with("/tmp/exec_test_file", arguments, environ), 200 + ENOEXEC);
    write_file("/tmp/exec_test_file", "#!/does/not/exist\n", 18, 0755);
    CHECK_EQ(run_with("/tmp/exec_test_file", arguments, environ), 200 + ENOENT);
    unlink("/tmp/exec_test_file");
}

TEST(damaged_programs_are_refused_or_die)
{
    const char *arguments[] = { "x", NULL };
    char image[4096];
    int fd = open(self, O_RDONLY);
    Elf64_Ehdr *header = (Elf64_Ehdr *)image;

    CHECK_EQ(read(fd, image, sizeof(image)), sizeof(image));
    close(fd);
    header->e_machine = EM_ARM;
    write_file("/tmp/exec_test_file", image, sizeof(image), 0755);
    CHECK_EQ(run_with("/tmp/exec_test_file", arguments, environ), 200 + ENOEXEC);
    header->e_machine = EM_X86_64;
    header->e_phnum = 0;
    write_file("/tmp/exec_test_file", image, sizeof(image), 0755);
    CHECK_EQ(run_with("/tmp/exec_test_file", arguments, environ), 200 + ENOEXEC);
    unlink("/tmp/exec_test_file");
}

TEST(script_gets_interpreter_argument_and_path)
{
    char script[PATH_MAX + 100];
    const char *arguments[] = { "ignored", "last", NULL };
    int length = snprintf(script, sizeof(script), "#! %s  script-arguments here \nrest\n", self);

    write_file("/tmp/exec_test_script", script, (size_t)length, 0755);
    CHECK_EQ(run_with("/tmp/exec_test_script", arguments, environ), 0);
    unlink("/tmp/exec_test_script");
}

TEST(auxiliary_vector_is_complete)
{
    CHECK_EQ(getauxval(AT_PAGESZ), 4096);
    CHECK_EQ(getauxval(AT_CLKTCK), 100);
    CHECK_EQ(getauxval(AT_UID), getuid());
    CHECK_EQ(getauxval(AT_EGID), getegid());
    CHECK_EQ(getauxval(AT_SECURE), 0);
    CHECK_EQ(getauxval(AT_PHENT), 56);
    CHECK(getauxval(AT_PHDR) != 0);
    CHECK(getauxval(AT_RANDOM) != 0);
    CHECK_EQ(strcmp((const char *)getauxval(AT_PLATFORM), "x86_64"), 0);
    CHECK(strstr((const char *)getauxval(AT_EXECFN), "exec_arguments") != NULL);
}

int main(int count, char **arguments)
{
    if (count == 4 && strcmp(arguments[1], "script-arguments here") == 0)
        return strcmp(arguments[2], "/tmp/exec_test_script") == 0 && strcmp(arguments[3], "last") == 0 ? 0 : 1;
    if (count > 1)
        return report(count, arguments);
    if (readlink("/proc/self/exe", self, sizeof(self) - 1) <= 0)
        return 1;
    return tap_run();
}
