/* Files that appear when they are whole: what stands under the name before, after, and after an error. */
#include "support/weft_check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <weft/file.h>

#include "support/failing_malloc.h"
#include "support/interim.h"
#include "support/sentence.h"

enum {
    PATH_BYTES = 512,
    MANY_BYTES = 100000
};

static char folder[PATH_BYTES / 2], path[PATH_BYTES];

static void make_folder(void)
{
    const char *base = getenv("TMPDIR");
    (void)snprintf(folder, sizeof folder, "%s/weft-file-XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/file", folder);
}

/* Fails if anything but the file itself was left behind. */
static void remove_folder(void)
{
    (void)unlink(path);
    ck_assert_msg(rmdir(folder) == 0, "%s: %s", folder, strerror(errno));
}

static mode_t mode_of(const char *it)
{
    struct stat about;
    ck_assert_int_eq(lstat(it, &about), 0);
    return about.st_mode;
}

static bool exists(const char *it)
{
    struct stat about;
    return lstat(it, &about) == 0;
}

static void put_old(const char *text)
{
    FILE *file = fopen(path, "w");
    ck_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

static void check_text(const char *it, const char *expected)
{
    char text[64];
    FILE *file = fopen(it, "r");
    ck_assert_ptr_nonnull(file);
    size_t count = fread(text, 1, sizeof text - 1, file);
    text[count] = '\0';
    (void)fclose(file);
    ck_assert_str_eq(text, expected);
}

static weft_file *begin(const char *it)
{
    weft_error err;
    weft_file *file;
    WEFT_TEST_ASSERT_OK(weft_file_begin(it, &file, &err), err);
    return file;
}

static void put(weft_file *file, const char *text)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_file_write(file, text, strlen(text), &err), err);
}

static void commit(weft_file *file)
{
    weft_error err;
    WEFT_TEST_ASSERT_OK(weft_file_commit(file, &err), err);
}

START_TEST(a_file_appears_when_it_is_whole)
{
    make_folder();
    for (int round = 0; round < 2; round++) {
        weft_file *file = begin(path);
        put(file, "new ");
        ck_assert(weft_test_has_interim(path) && exists(path) == (round > 0));
        put(file, "text");
        commit(file);
        check_text(path, "new text");
        ck_assert(!weft_test_has_interim(path));
        put_old("old");
    }
    remove_folder();
}
END_TEST

START_TEST(what_was_there_stays_if_the_file_is_abandoned)
{
    make_folder();
    weft_file *file = begin(path);
    put(file, "new");
    weft_file_abandon(file);
    ck_assert(!exists(path));
    put_old("old");
    file = begin(path);
    put(file, "new");
    weft_file_abandon(file);
    check_text(path, "old");
    weft_file_abandon(NULL);
    remove_folder();
}
END_TEST

/* Two at a time do not meet: each is whole, and the later one stays. */
START_TEST(each_has_a_name_of_its_own)
{
    make_folder();
    weft_file *one = begin(path), *other = begin(path);
    put(one, "one");
    put(other, "other");
    commit(other);
    check_text(path, "other");
    commit(one);
    check_text(path, "one");
    remove_folder();
}
END_TEST

START_TEST(a_name_may_be_as_long_as_names_are)
{
    char long_path[PATH_BYTES + 260], name[251];
    make_folder();
    memset(name, 'n', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    (void)snprintf(long_path, sizeof long_path, "%s/%s", folder, name);
    weft_file *file = begin(long_path);
    WEFT_TEST_ASSERT_OK(weft_file_write(file, "long", 4, NULL), (weft_error){0});
    WEFT_TEST_ASSERT_OK(weft_file_commit(file, NULL), (weft_error){0});
    check_text(long_path, "long");
    ck_assert_int_eq(remove(long_path), 0);
    remove_folder();
}
END_TEST

/* Not even if somebody knew what it would be, and put a link there. */
START_TEST(what_has_that_name_is_left_alone)
{
    char next[PATH_BYTES + sizeof ".part*"], victim[PATH_BYTES];
    glob_t found;
    make_folder();
    (void)snprintf(victim, sizeof victim, "%s/victim", folder);
    (void)snprintf(next, sizeof next, "%s.part*", path);
    weft_file *file = begin(path);
    ck_assert_int_eq(glob(next, 0, NULL, &found), 0);
    const char *number = strrchr(found.gl_pathv[0], '.') + 1;
    (void)snprintf(next, sizeof next, "%.*s%lu", (int)(number - found.gl_pathv[0]), found.gl_pathv[0],
                   strtoul(number, NULL, 10) + 1);
    globfree(&found);
    commit(file);
    ck_assert_int_eq(symlink("victim", next), 0);
    file = begin(path);
    put(file, "new");
    commit(file);
    check_text(path, "new");
    ck_assert(S_ISLNK(mode_of(next)) && !exists(victim));
    ck_assert_int_eq(unlink(next), 0);
    remove_folder();
}
END_TEST

START_TEST(permissions_are_those_of_the_old_file_or_of_the_umask)
{
    make_folder();
    mode_t before = umask(027);
    commit(begin(path));
    ck_assert_uint_eq(mode_of(path) & 07777, 0640);
    static const mode_t modes[] = {0600, 0666, 0444, 0755};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++) {
        ck_assert_int_eq(chmod(path, modes[i]), 0);
        commit(begin(path));
        ck_assert_uint_eq(mode_of(path) & 07777, modes[i]);
    }
    (void)umask(before);
    remove_folder();
}
END_TEST

START_TEST(a_link_is_followed)
{
    char target[PATH_BYTES];
    make_folder();
    (void)snprintf(target, sizeof target, "%s/target", folder);
    ck_assert_int_eq(symlink("target", path), 0);
    for (int round = 0; round < 2; round++) {
        weft_file *file = begin(path);
        put(file, "through the link");
        commit(file);
        ck_assert(S_ISLNK(mode_of(path)) && S_ISREG(mode_of(target)));
        check_text(target, "through the link");
    }
    ck_assert_int_eq(unlink(target), 0);
    remove_folder();
}
END_TEST

static void *read_pipe(void *text)
{
    FILE *file = fopen(path, "r");
    if (file) {
        (void)!fread(text, 1, 8, file);
        (void)fclose(file);
    }
    return NULL;
}

START_TEST(pipes_and_devices_stay_what_they_are)
{
    char text[16] = "";
    pthread_t reader;
    make_folder();
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    ck_assert_int_eq(pthread_create(&reader, NULL, read_pipe, text), 0);
    weft_file *file = begin(path);
    put(file, "piped");
    commit(file);
    ck_assert_int_eq(pthread_join(reader, NULL), 0);
    ck_assert_str_eq(text, "piped");
    ck_assert(S_ISFIFO(mode_of(path)));
    commit(begin("/dev/null"));
    weft_file_abandon(begin("/dev/null"));
    ck_assert(S_ISCHR(mode_of("/dev/null")));
    remove_folder();
}
END_TEST

/* The reader has gone before the first byte, or with some of them read; pieces are smaller or larger than what is kept.
 */
START_TEST(a_pipe_that_nobody_reads_is_no_error)
{
    static const char many[MANY_BYTES];
    char byte;
    make_folder();
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    void (*handler)(int) = signal(SIGPIPE, SIG_IGN);
    for (int i = 0; i < 4; i++) {
        int reader = open(path, O_RDONLY | O_NONBLOCK);
        ck_assert_int_ge(reader, 0);
        weft_file *file = begin(path);
        if (i % 2 == 1) {
            ck_assert_int_eq(weft_file_write(file, many, 20000, NULL), WEFT_OK);
            ck_assert_int_eq(read(reader, &byte, 1), 1);
        }
        ck_assert_int_eq(close(reader), 0);
        for (int j = 0; j < 3; j++)
            ck_assert_int_eq(weft_file_write(file, many, i < 2 ? 1 : MANY_BYTES, NULL), WEFT_OK);
        commit(file);
    }
    (void)signal(SIGPIPE, handler);
    ck_assert(S_ISFIFO(mode_of(path)));
    remove_folder();
}
END_TEST

START_TEST(places_that_cannot_be_written_are_refused)
{
    weft_error err;
    weft_file *file = (weft_file *)path;
    char other[3 * PATH_BYTES];
    make_folder();
    WEFT_TEST_ASSERT_FAILS(weft_file_begin(folder, &file, &err), err, WEFT_IO, folder, strerror(EISDIR), NULL, NULL);
    ck_assert_ptr_null(file);
    WEFT_TEST_ASSERT_FAILS(weft_file_begin("", &file, &err), err, WEFT_IO, strerror(ENOENT), NULL, NULL, NULL);
    (void)snprintf(other, sizeof other, "%s/nowhere/file", folder);
    WEFT_TEST_ASSERT_FAILS(weft_file_begin(other, &file, &err), err, WEFT_IO, other, strerror(ENOENT), NULL, NULL);
    memset(other, 'x', sizeof other - 1); /* so long that only its end is shown */
    other[sizeof other - 1] = '\0';
    WEFT_TEST_ASSERT_FAILS(weft_file_begin(other, &file, &err), err, WEFT_IO, "xxx' cannot be written",
                           strerror(ENAMETOOLONG), NULL, NULL);
    /* The name is taken by a folder in the meantime. */
    file = begin(path);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    WEFT_TEST_ASSERT_FAILS(weft_file_commit(file, &err), err, WEFT_IO, path, strerror(EISDIR), NULL, NULL);
    ck_assert_int_eq(rmdir(path), 0);
    remove_folder();
}
END_TEST

/* Small pieces meet the error at the end alone, large ones at once; it is the same one from then on. */
START_TEST(the_first_error_stays)
{
    weft_error err;
    static const char many[MANY_BYTES];
    make_folder();
    put_old("old");
    struct rlimit limit, before;
    ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &before), 0);
    limit = (struct rlimit){.rlim_cur = 12000, .rlim_max = before.rlim_max};
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    for (int is_small = 0; is_small < 2; is_small++) {
        weft_file *file = begin(path);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
        weft_status status = WEFT_OK;
        for (size_t done = 0; done < (is_small ? 15000 : MANY_BYTES); done += is_small ? 1 : MANY_BYTES)
            status = weft_file_write(file, many, is_small ? 1 : MANY_BYTES, &err);
        ck_assert_int_eq(status, is_small ? WEFT_OK : WEFT_IO);
        if (!is_small)
            WEFT_TEST_ASSERT_FAILS(weft_file_write(file, "x", 1, &err), err, WEFT_IO, path, strerror(EFBIG), NULL,
                                   NULL);
        WEFT_TEST_ASSERT_FAILS(weft_file_commit(file, &err), err, WEFT_IO, path, strerror(EFBIG), NULL, NULL);
        ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &before), 0);
        check_text(path, "old");
    }
    (void)signal(SIGXFSZ, handler);
    remove_folder();
}
END_TEST

START_TEST(bytes_stand_in_their_order)
{
    static char text[MANY_BYTES], found[MANY_BYTES + 1];
    make_folder();
    for (size_t i = 0; i < MANY_BYTES; i++)
        text[i] = (char)(i * 2654435761u >> 13);
    weft_file *file = begin(path);
    for (size_t at = 0, piece = 0; at < MANY_BYTES; at += piece) {
        piece = (piece * 7 + 3) % 20000;
        piece = piece < MANY_BYTES - at ? piece : MANY_BYTES - at;
        (void)weft_file_write(file, text + at, piece, NULL);
    }
    commit(file);
    FILE *read = fopen(path, "r");
    ck_assert_uint_eq(fread(found, 1, sizeof found, read), MANY_BYTES);
    (void)fclose(read);
    ck_assert_mem_eq(found, text, MANY_BYTES);
    remove_folder();
}
END_TEST

START_TEST(without_memory_there_is_no_file)
{
    weft_error err;
    weft_file *file;
    make_folder();
    weft_test_fail_allocation_after(0);
    weft_status status = weft_file_begin(path, &file, &err);
    (void)weft_test_stop_failing();
    WEFT_TEST_ASSERT_FAILS(status, err, WEFT_OUT_OF_MEMORY, "a file", NULL, NULL, NULL);
    ck_assert_ptr_null(file);
    remove_folder();
}
END_TEST

WEFT_TEST_MAIN("file_write", a_file_appears_when_it_is_whole, what_was_there_stays_if_the_file_is_abandoned,
               each_has_a_name_of_its_own, what_has_that_name_is_left_alone, a_name_may_be_as_long_as_names_are,
               permissions_are_those_of_the_old_file_or_of_the_umask, a_link_is_followed,
               pipes_and_devices_stay_what_they_are, a_pipe_that_nobody_reads_is_no_error,
               places_that_cannot_be_written_are_refused, the_first_error_stays, bytes_stand_in_their_order,
               without_memory_there_is_no_file)
