/* Drives the library as Swift's generated code does, with every sanitizer that C has. See README.md.
 *
 *   drive FOLDER          everything; ends with 0
 *   drive FOLDER leak     leaves buffers unfreed: must end with an error of the leak sanitizer
 *   drive FOLDER late     reads a buffer after it was freed: must end with an error of the address sanitizer
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "ffi.h"
#include "foreign.h"

/* What the generated Swift expects of the library; another number is another generator. */
enum { CONTRACT = 30 };

static int passed = 0;

static void passes(const char *what) {
    passed += 1;
    printf("ok: %s\n", what);
}

/* A call consumes a handle of its own, as `uniffiCloneHandle` makes one in Swift. */
static uint64_t own(uint64_t app) {
    RustCallStatus status = {0};
    uint64_t handle = uniffi_bienban_bindings_fn_clone_bienban(app, &status);
    must_be_done(&status, "clone");
    return handle;
}

/* Opens a folder; 0 where that fails. */
static uint64_t open_folder(const char *dir, uint64_t keys, Failure *failure) {
    Writer options = {0};
    put_maybe(&options, NULL);
    put_int(&options, 0, 8);
    RustCallStatus status = {0};
    uint64_t future =
        uniffi_bienban_bindings_fn_constructor_bienban_open(lowered_text(dir), keys, lowered(&options));
    uint64_t app = finish_u64(future, &status);
    *failure = failure_of(&status);
    return failure->variant == ERROR_NONE ? app : 0;
}

static void must_fail(Failure *failure, int variant, const char *call) {
    MUST(failure->variant == variant, "%s: variant %d, not %d: %s", call, failure->variant, variant,
         failure->message_en ? failure->message_en : "");
    MUST(strlen(failure->message_vi) > 10 && strlen(failure->message_en) > 10, "%s: no messages", call);
    MUST(strcmp(failure->message_vi, failure->message_en) != 0, "%s: one language", call);
    MUST(strlen(failure->report_id) == 8, "%s: a report id of another length", call);
    MUST(failure->next >= 1 && failure->next <= 3, "%s: no next step", call);
    free_failure(failure);
}

static char *device_of(uint64_t app) {
    RustCallStatus status = {0};
    RustBuffer device = uniffi_bienban_bindings_fn_method_bienban_device(own(app), &status);
    must_be_done(&status, "device");
    return lifted_text(device);
}

static void shut(uint64_t app) {
    RustCallStatus status = {0};
    finish_void(uniffi_bienban_bindings_fn_method_bienban_shutdown(own(app)), &status);
    must_be_done(&status, "shutdown");
}

static void free_app(uint64_t app) {
    RustCallStatus status = {0};
    uniffi_bienban_bindings_fn_free_bienban(app, &status);
    must_be_done(&status, "free");
}

/* Key stores that fail lock the folder out, whatever way they fail. */
static void refuses_a_key_store_that_fails(const char *dir) {
    const KeysKind kinds[] = {KEYS_FAIL, KEYS_THROW};
    for (int i = 0; i < 2; i++) {
        int number;
        Failure failure;
        uint64_t app = open_folder(dir, new_keys(kinds[i], &number), &failure);
        MUST(app == 0, "a folder opened without a key");
        must_fail(&failure, ERROR_LOCKED, "open");
        MUST(keys_loaded(number) == 1 && keys_saved(number) == 0, "the key store was asked otherwise");
    }
    passes("a key store in C that fails, and one that throws, become a typed error in two languages");
}

static void lists(uint64_t app) {
    Writer query = {0};
    put_maybe(&query, NULL);
    put_int(&query, 0, 4);
    put_maybe(&query, NULL);
    put_maybe(&query, "chè");
    RustCallStatus status = {0};
    uint64_t future = uniffi_bienban_bindings_fn_method_bienban_facilities(own(app), lowered(&query));
    RustBuffer page = finish_buffer(future, &status);
    must_be_done(&status, "facilities");
    Reader reader = reader_of(page);
    MUST(get_int(&reader, 4) == 0, "a new folder knows a facility");
    MUST(get_maybe(&reader) == NULL, "an empty list goes on");
    reader_done(&reader);
    passes("a list is read to its last byte");
}

static void tells_typed_errors(uint64_t app) {
    RustCallStatus status = {0};
    RustBuffer id = lowered_text("no-such-inspection");
    finish_buffer(uniffi_bienban_bindings_fn_method_bienban_inspection(own(app), id), &status);
    Failure failure = failure_of(&status);
    MUST(failure.variant == ERROR_NOT_FOUND || failure.variant == ERROR_INVALID,
         "inspection: variant %d", failure.variant);
    must_fail(&failure, failure.variant, "inspection");

    uint64_t enrolling = uniffi_bienban_bindings_fn_method_bienban_enrol(
        own(app), lowered_text("not an invitation"), lowered_text("C"), 0);
    finish_u64(enrolling, &status);
    failure = failure_of(&status);
    must_fail(&failure, ERROR_NOT_ENROLLED, "enrol");

    RustBuffer lines = uniffi_bienban_bindings_fn_func_recent_reports(&status);
    must_be_done(&status, "recent_reports");
    Reader reader = reader_of(lines);
    uint64_t count = get_int(&reader, 4);
    MUST(count >= 2, "%d reports after as many errors", (int)count);
    for (; count > 0; count--) {
        free(get_text(&reader));
        get_int(&reader, 8);
        free(get_text(&reader));
        free(get_text(&reader));
    }
    reader_done(&reader);
    passes("typed errors are decoded, and recent_reports() names them");
}

static uint64_t observe(uint64_t app, int throws, int *number) {
    RustCallStatus status = {0};
    uint64_t observer = new_observer(throws, number);
    uint64_t future = uniffi_bienban_bindings_fn_method_bienban_observe(own(app), observer);
    uint64_t subscription = finish_u64(future, &status);
    must_be_done(&status, "observe");
    return subscription;
}

static void end_subscription(uint64_t subscription) {
    RustCallStatus status = {0};
    uint64_t handle = uniffi_bienban_bindings_fn_clone_subscription(subscription, &status);
    must_be_done(&status, "clone");
    uniffi_bienban_bindings_fn_method_subscription_cancel(handle, &status);
    must_be_done(&status, "cancel");
    uniffi_bienban_bindings_fn_free_subscription(subscription, &status);
    must_be_done(&status, "free");
}

/* Waits until an observer was told more exchanges than `before`. */
static void until_told(int number, int before) {
    for (int tries = 0; tries < 1000; tries++) {
        if (observer_progress(number) > before) {
            return;
        }
        sleep_ms(10);
    }
    MUST(false, "an observer is not told");
}

/* Waits until the last that an observer was told is that it stopped, with a report or without. */
static void until_stopped(int number, bool with_report) {
    for (int tries = 0; tries < 1000; tries++) {
        if (observer_last_state(number) == 7 && observer_last_had_report(number) == with_report) {
            return;
        }
        sleep_ms(10);
    }
    MUST(false, "the last state is %d, not stopped", observer_last_state(number));
}

/* One that was begun by `start_sync`, waited for: without an enrolment it fails, and says why. */
static void exchange_fails(uint64_t app) {
    RustCallStatus status = {0};
    uint64_t run = uniffi_bienban_bindings_fn_method_bienban_start_sync(own(app), &status);
    must_be_done(&status, "start_sync");
    uint64_t handle = uniffi_bienban_bindings_fn_clone_syncrun(run, &status);
    finish_buffer(uniffi_bienban_bindings_fn_method_syncrun_wait(handle), &status);
    Failure failure = failure_of(&status);
    must_fail(&failure, ERROR_NOT_ENROLLED, "wait");
    handle = uniffi_bienban_bindings_fn_clone_syncrun(run, &status);
    MUST(uniffi_bienban_bindings_fn_method_syncrun_is_ended(handle, &status) == 1, "it goes on");
    handle = uniffi_bienban_bindings_fn_clone_syncrun(run, &status);
    uniffi_bienban_bindings_fn_method_syncrun_cancel(handle, &status);
    must_be_done(&status, "cancel");
    uniffi_bienban_bindings_fn_free_syncrun(run, &status);
    must_be_done(&status, "free");
}

static void observes_an_exchange(uint64_t app) {
    int throwing, sound;
    uint64_t first = observe(app, 1, &throwing);
    uint64_t second = observe(app, 0, &sound);
    for (int round = 0; round < 3; round++) {
        int before = observer_progress(sound);
        exchange_fails(app);
        until_told(sound, before);
    }
    until_told(throwing, 0);
    until_stopped(sound, false);
    RustCallStatus status = {0};
    finish_void(uniffi_bienban_bindings_fn_method_bienban_start_background_sync(own(app)), &status);
    must_be_done(&status, "start_background_sync");
    until_stopped(sound, true);
    end_subscription(first);
    int told = observer_progress(throwing), before = observer_progress(sound);
    exchange_fails(app);
    until_told(sound, before);
    MUST(observer_progress(throwing) == told, "an observer is told after its end");
    end_subscription(second);
    passes("an exchange without enrolment fails typed; observers in C hear why, one that throws breaks nothing");
}

/* A place that takes every datagram and answers none: what connects there waits. */
static int silent_place(char *address, size_t size) {
    int place = socket(AF_INET, SOCK_DGRAM, 0);
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof at;
    MUST(place >= 0 && bind(place, (struct sockaddr *)&at, len) == 0, "no socket on loopback");
    MUST(getsockname(place, (struct sockaddr *)&at, &len) == 0, "a socket without a name");
    snprintf(address, size, "127.0.0.1:%d", ntohs(at.sin_port));
    return place;
}

static int state_of(uint64_t enrolment) {
    RustCallStatus status = {0};
    uint64_t handle = uniffi_bienban_bindings_fn_clone_enrolment(enrolment, &status);
    Reader reader = reader_of(uniffi_bienban_bindings_fn_method_enrolment_status(handle, &status));
    must_be_done(&status, "status");
    int state = (int)get_int(&reader, 4);
    char *digits = get_text(&reader), *grouped = get_text(&reader);
    MUST(strlen(digits) == 6 && strlen(grouped) == 7, "digits of another length");
    free(digits);
    free(grouped);
    MUST(get_int(&reader, 1) == 0, "a claim that nobody keeps has an end");
    reader_done(&reader);
    return state;
}

static uint64_t wait_of(uint64_t enrolment) {
    RustCallStatus status = {0};
    uint64_t handle = uniffi_bienban_bindings_fn_clone_enrolment(enrolment, &status);
    must_be_done(&status, "clone");
    return uniffi_bienban_bindings_fn_method_enrolment_wait(handle);
}

/* What the Swift facade's cancellation stands on: giving up a future ends no enrolment, `cancel` does. */
static void cancels(uint64_t app) {
    char address[32], invitation[256];
    int place = silent_place(address, sizeof address);
    snprintf(invitation, sizeof invitation,
             "bienban://enrol?hub=%s&key=abababababababababababababababababababababababababababababababab"
             "&code=03030303030303030303030303030303&until=%lld",
             address, (long long)time(NULL) + 3600);
    RustCallStatus status = {0};
    uint64_t enrolling = uniffi_bienban_bindings_fn_method_bienban_enrol(
        own(app), lowered_text(invitation), lowered_text("a phone in C"), 0);
    uint64_t enrolment = finish_u64(enrolling, &status);
    must_be_done(&status, "enrol");
    MUST(state_of(enrolment) == 1, "it claims nothing");

    uint64_t future = wait_of(enrolment);
    Turn *turn = poll_once_buffer(future);
    int8_t result = -1;
    MUST(!told_within(turn, 200, &result), "it ended where nobody answers");
    ffi_bienban_bindings_rust_future_cancel_rust_buffer(future);
    MUST(told_within(turn, 10000, &result) && result == 0, "a cancelled future wakes nobody");
    free_turn(turn);
    ffi_bienban_bindings_rust_future_complete_rust_buffer(future, &status);
    MUST(status.code == CALL_CANCELLED, "a cancelled future ends with code %d", status.code);
    ffi_bienban_bindings_rust_future_free_rust_buffer(future);
    MUST(state_of(enrolment) == 1, "giving up the future ended the enrolment");

    future = wait_of(enrolment);
    turn = poll_once_buffer(future);
    MUST(!told_within(turn, 50, &result), "it ended where nobody answers");
    status = (RustCallStatus){0};
    uint64_t handle = uniffi_bienban_bindings_fn_clone_enrolment(enrolment, &status);
    uniffi_bienban_bindings_fn_method_enrolment_cancel(handle, &status);
    must_be_done(&status, "cancel");
    MUST(told_within(turn, 10000, &result), "cancel() ends no waiting");
    free_turn(turn);
    finish_buffer(future, &status);
    Failure failure = failure_of(&status);
    must_fail(&failure, ERROR_CANCELLED, "wait");
    MUST(state_of(enrolment) == 4, "the enrolment has not ended");
    uniffi_bienban_bindings_fn_free_enrolment(enrolment, &status);
    must_be_done(&status, "free");
    finish_void(uniffi_bienban_bindings_fn_method_bienban_forget_enrolment(own(app)), &status);
    must_be_done(&status, "forget_enrolment");
    close(place);
    passes("a future is cancelled and ends with its own code; only cancel() ends the enrolment");
}

/* Calls after the end, and a folder that is free again. */
static void closes(uint64_t app, const char *dir, int keys) {
    char *device = device_of(app);
    Failure failure;
    uint64_t second = open_folder(dir, keys_again(keys), &failure);
    MUST(second == 0, "one folder is open twice");
    must_fail(&failure, ERROR_IN_USE, "open");
    /* What Swift's sequence of events ends by: closing lets go of an observer whose subscription is still held. */
    int observer;
    uint64_t subscription = observe(app, 0, &observer);
    MUST(object_held(observer) > 0, "an observer that nobody holds");
    shut(app);
    for (int tries = 0; tries < 1000 && object_held(observer) > 0; tries++) {
        sleep_ms(10);
    }
    MUST(object_held(observer) == 0, "a closed folder still holds an observer");
    end_subscription(subscription);
    shut(app);
    RustCallStatus status = {0};
    uniffi_bienban_bindings_fn_method_bienban_device(own(app), &status);
    failure = failure_of(&status);
    must_fail(&failure, ERROR_CLOSED, "device");
    free_app(app);
    uint64_t again = open_folder(dir, keys_again(keys), &failure);
    MUST(again != 0, "it does not open again: %s", failure.message_en);
    char *same = device_of(again);
    MUST(strcmp(device, same) == 0, "another device");
    free(device);
    free(same);
    MUST(keys_saved(keys) == 1, "a second key was made");
    shut(again);
    free_app(again);
    passes("after shutdown observers are let go, every call says closed, and the folder opens again as the same device");
}

static void holds_nothing(void) {
    for (int tries = 0; tries < 1000 && foreign_held() > 0; tries++) {
        sleep_ms(10);
    }
    MUST(foreign_held() == 0, "the library still holds %d of this program's objects", foreign_held());
    passes("the library let go of every key store and observer");
}

/* Nothing of these frames may stay on the stack, or the sanitizer takes a leak for a buffer in use. */
__attribute__((noinline)) static void leak(uint64_t app) {
    for (int i = 0; i < 16; i++) {
        RustCallStatus status = {0};
        RustBuffer buffer = uniffi_bienban_bindings_fn_method_bienban_device(own(app), &status);
        MUST(buffer.len == 64, "device");
        memset(&buffer, 0, sizeof buffer);
    }
}

static void read_late(uint64_t app) {
    RustCallStatus status = {0};
    RustBuffer buffer = uniffi_bienban_bindings_fn_method_bienban_device(own(app), &status);
    volatile const uint8_t *byte = buffer.data;
    free_buffer(buffer);
    printf("read after it was freed: %d\n", *byte);
}

int main(int count, char **words) {
    const char *broken = count == 3 ? words[2] : "";
    if (count < 2 || count > 3 || (*broken != 0 && strcmp(broken, "leak") != 0 && strcmp(broken, "late") != 0)) {
        fprintf(stderr, "drive FOLDER [leak | late]\n");
        return 2;
    }
    setvbuf(stdout, NULL, _IOLBF, 0);
    uint32_t contract = ffi_bienban_bindings_uniffi_contract_version();
    MUST(contract == CONTRACT, "the library speaks contract %u, not %d", contract, CONTRACT);
    tell_tables();
    refuses_a_key_store_that_fails(words[1]);
    int keys;
    Failure failure;
    uint64_t app = open_folder(words[1], new_keys(KEYS_SOUND, &keys), &failure);
    MUST(app != 0, "open: %s", failure.message_en);
    MUST(keys_saved(keys) == 1, "no key was saved");
    passes("a folder is made under a key that a key store in C keeps");
    if (strcmp(broken, "leak") == 0) {
        leak(app);
    }
    if (strcmp(broken, "late") == 0) {
        read_late(app);
    }
    lists(app);
    tells_typed_errors(app);
    observes_an_exchange(app);
    cancels(app);
    closes(app, words[1], keys);
    holds_nothing();
    printf("%d passed, 0 failed\n", passed);
    return 0;
}
