/* Buffers, call status and futures of the interface. Knows nothing of what is called. */
#include "ffi.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* Longest wait for an answer: more is a library that stands still. */
enum { PATIENCE_MS = 60000 };

void put_int(Writer *writer, uint64_t value, size_t width) {
    MUST(writer->len + width <= sizeof writer->bytes, "a record that is too long for this program");
    for (size_t i = 0; i < width; i++) {
        writer->bytes[writer->len++] = (uint8_t)(value >> (8 * (width - 1 - i)));
    }
}

void put_text(Writer *writer, const char *text) {
    size_t len = strlen(text);
    put_int(writer, len, 4);
    MUST(writer->len + len <= sizeof writer->bytes, "a record that is too long for this program");
    memcpy(writer->bytes + writer->len, text, len);
    writer->len += len;
}

void put_maybe(Writer *writer, const char *text) {
    put_int(writer, text != NULL, 1);
    if (text != NULL) {
        put_text(writer, text);
    }
}

static RustBuffer copied(const uint8_t *bytes, size_t len) {
    RustCallStatus status = {0};
    ForeignBytes given = {.len = (int32_t)len, .data = bytes};
    RustBuffer buffer = ffi_bienban_bindings_rustbuffer_from_bytes(given, &status);
    must_be_done(&status, "rustbuffer_from_bytes");
    return buffer;
}

RustBuffer lowered(const Writer *writer) { return copied(writer->bytes, writer->len); }

RustBuffer lowered_text(const char *text) { return copied((const uint8_t *)text, strlen(text)); }

Reader reader_of(RustBuffer buffer) { return (Reader){.buffer = buffer, .at = 0}; }

static const uint8_t *next_bytes(Reader *reader, uint64_t len) {
    MUST(len <= reader->buffer.len - reader->at, "a record that ends early");
    const uint8_t *bytes = reader->buffer.data + reader->at;
    reader->at += len;
    return bytes;
}

uint64_t get_int(Reader *reader, size_t width) {
    const uint8_t *bytes = next_bytes(reader, width);
    uint64_t value = 0;
    for (size_t i = 0; i < width; i++) {
        value = value << 8 | bytes[i];
    }
    return value;
}

static char *text_of(const uint8_t *bytes, uint64_t len) {
    char *text = malloc(len + 1);
    MUST(text != NULL, "no memory");
    if (len > 0) {
        memcpy(text, bytes, len);
    }
    text[len] = 0;
    return text;
}

char *get_text(Reader *reader) {
    uint64_t len = get_int(reader, 4);
    return text_of(next_bytes(reader, len), len);
}

char *get_maybe(Reader *reader) { return get_int(reader, 1) == 0 ? NULL : get_text(reader); }

void reader_done(Reader *reader) {
    MUST(reader->at == reader->buffer.len, "a record with %llu bytes more than its fields",
         (unsigned long long)(reader->buffer.len - reader->at));
    free_buffer(reader->buffer);
    *reader = (Reader){0};
}

char *lifted_text(RustBuffer buffer) {
    char *text = text_of(buffer.data, buffer.len);
    free_buffer(buffer);
    return text;
}

void free_buffer(RustBuffer buffer) {
    RustCallStatus status = {0};
    ffi_bienban_bindings_rustbuffer_free(buffer, &status);
    MUST(status.code == CALL_DONE, "a buffer cannot be freed");
}

Failure failure_of(RustCallStatus *status) {
    Failure failure = {.variant = ERROR_NONE, .code = status->code};
    if (status->code == CALL_UNEXPECTED) {
        char *said = lifted_text(status->errorBuf);
        MUST(false, "a panic crossed: %s", said);
    }
    if (status->code != CALL_ERROR) {
        return failure;
    }
    Reader reader = reader_of(status->errorBuf);
    failure.variant = (int)get_int(&reader, 4);
    failure.message_vi = get_text(&reader);
    failure.message_en = get_text(&reader);
    failure.next = (int)get_int(&reader, 4);
    failure.report_id = get_text(&reader);
    for (uint64_t left = get_int(&reader, 4); left > 0; left--) {
        free(get_text(&reader));
    }
    reader_done(&reader);
    *status = (RustCallStatus){0};
    return failure;
}

void free_failure(Failure *failure) {
    free(failure->message_vi);
    free(failure->message_en);
    free(failure->report_id);
    *failure = (Failure){0};
}

void must_be_done(RustCallStatus *status, const char *call) {
    if (status->code == CALL_DONE) {
        return;
    }
    Failure failure = failure_of(status);
    MUST(false, "%s: code %d, variant %d: %s", call, failure.code, failure.variant,
         failure.message_en ? failure.message_en : "");
}

/* One poll, and what the library answers to it from a thread of its own. */
struct Turn {
    bool told;
    int8_t result;
};

/* Of all turns: a turn may be freed as soon as it was told, while the library's thread still lets go of the lock. */
static pthread_mutex_t turns = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t rung = PTHREAD_COND_INITIALIZER;

static void on_ready(uint64_t data, int8_t result) {
    Turn *turn = (Turn *)(uintptr_t)data;
    pthread_mutex_lock(&turns);
    turn->told = true;
    turn->result = result;
    pthread_cond_broadcast(&rung);
    pthread_mutex_unlock(&turns);
}

bool told_within(Turn *turn, int milliseconds, int8_t *result) {
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += milliseconds / 1000;
    until.tv_nsec += (milliseconds % 1000) * 1000000L;
    if (until.tv_nsec >= 1000000000L) {
        until.tv_sec += 1;
        until.tv_nsec -= 1000000000L;
    }
    pthread_mutex_lock(&turns);
    int waited = 0;
    while (!turn->told && waited != ETIMEDOUT) {
        waited = pthread_cond_timedwait(&rung, &turns, &until);
    }
    bool told = turn->told;
    *result = turn->result;
    pthread_mutex_unlock(&turns);
    return told;
}

static Turn *new_turn(void) {
    Turn *turn = calloc(1, sizeof *turn);
    MUST(turn != NULL, "no memory");
    return turn;
}

void free_turn(Turn *turn) { free(turn); }

typedef void (*Poll)(uint64_t, UniffiRustFutureContinuationCallback, uint64_t);

static void await_ready(uint64_t future, Poll poll) {
    int8_t result;
    do {
        Turn *turn = new_turn();
        poll(future, on_ready, (uint64_t)(uintptr_t)turn);
        MUST(told_within(turn, PATIENCE_MS, &result), "no answer within %d ms", PATIENCE_MS);
        free_turn(turn);
    } while (result != 0);
}

void await_ready_u64(uint64_t future) { await_ready(future, ffi_bienban_bindings_rust_future_poll_u64); }

void await_ready_buffer(uint64_t future) {
    await_ready(future, ffi_bienban_bindings_rust_future_poll_rust_buffer);
}

void await_ready_void(uint64_t future) { await_ready(future, ffi_bienban_bindings_rust_future_poll_void); }

Turn *poll_once_buffer(uint64_t future) {
    Turn *turn = new_turn();
    ffi_bienban_bindings_rust_future_poll_rust_buffer(future, on_ready, (uint64_t)(uintptr_t)turn);
    return turn;
}

uint64_t finish_u64(uint64_t future, RustCallStatus *status) {
    await_ready_u64(future);
    uint64_t value = ffi_bienban_bindings_rust_future_complete_u64(future, status);
    ffi_bienban_bindings_rust_future_free_u64(future);
    return value;
}

RustBuffer finish_buffer(uint64_t future, RustCallStatus *status) {
    await_ready_buffer(future);
    RustBuffer value = ffi_bienban_bindings_rust_future_complete_rust_buffer(future, status);
    ffi_bienban_bindings_rust_future_free_rust_buffer(future);
    return value;
}

void finish_void(uint64_t future, RustCallStatus *status) {
    await_ready_void(future);
    ffi_bienban_bindings_rust_future_complete_void(future, status);
    ffi_bienban_bindings_rust_future_free_void(future);
}

void sleep_ms(int milliseconds) {
    struct timespec pause = {.tv_sec = milliseconds / 1000, .tv_nsec = (milliseconds % 1000) * 1000000L};
    nanosleep(&pause, NULL);
}
