/* What Swift's generated code does by hand: buffers, call status, futures. See README.md. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "BienbanFFI.h"

/* The code of a call status. */
enum { CALL_DONE = 0, CALL_ERROR = 1, CALL_UNEXPECTED = 2, CALL_CANCELLED = 3 };

/* The variants of BienbanError that this program meets, by their place in bindings/src/error.rs. */
enum {
    ERROR_NONE = 0,
    ERROR_CLOSED = 1,
    ERROR_CANCELLED = 2,
    ERROR_LOCKED = 3,
    ERROR_NOT_ENROLLED = 6,
    ERROR_IN_USE = 11,
    ERROR_NOT_FOUND = 12,
    ERROR_INVALID = 13,
};

/* Ends the program with a message unless what is said holds. */
#define MUST(holds, ...)                                                                               \
    do {                                                                                               \
        if (!(holds)) {                                                                                \
            fprintf(stderr, "FAILED at %s:%d: ", __FILE__, __LINE__);                                  \
            fprintf(stderr, __VA_ARGS__);                                                              \
            fputc('\n', stderr);                                                                       \
            exit(1);                                                                                   \
        }                                                                                              \
    } while (0)

/* Bytes that are written for the library: big-endian, fields in their order. */
typedef struct Writer {
    uint8_t bytes[4096];
    size_t len;
} Writer;

void put_int(Writer *writer, uint64_t value, size_t width);
void put_text(Writer *writer, const char *text);
/* None where the text is NULL. */
void put_maybe(Writer *writer, const char *text);
/* Copies what was written into a buffer of the library. Whoever it is given to frees it. */
RustBuffer lowered(const Writer *writer);
/* As an argument of type text is passed: its bytes, without a length. */
RustBuffer lowered_text(const char *text);

/* Reads what the library returned. Every read is within its bounds, or the program ends. */
typedef struct Reader {
    RustBuffer buffer;
    uint64_t at;
} Reader;

Reader reader_of(RustBuffer buffer);
uint64_t get_int(Reader *reader, size_t width);
/* Returns a copy that the caller frees. */
char *get_text(Reader *reader);
char *get_maybe(Reader *reader);
/* Ends reading: everything must have been read. Frees the buffer. */
void reader_done(Reader *reader);
/* As text is returned alone: its bytes, without a length. Frees the buffer; the caller frees the copy. */
char *lifted_text(RustBuffer buffer);
void free_buffer(RustBuffer buffer);

/* What a call failed with: the variant, and its report. */
typedef struct Failure {
    int variant;
    int code;
    char *message_vi;
    char *message_en;
    char *report_id;
    int next;
} Failure;

/* Reads a status; the failure's variant is ERROR_NONE where the call was done. */
Failure failure_of(RustCallStatus *status);
void free_failure(Failure *failure);
/* Ends the program unless the call was done. */
void must_be_done(RustCallStatus *status, const char *call);

/* Polls a future until it is ready, as Swift's generated code does. */
void await_ready_u64(uint64_t future);
void await_ready_buffer(uint64_t future);
void await_ready_void(uint64_t future);
/* Polls once, and returns whether it was ready within so many milliseconds. The turn stays valid. */
typedef struct Turn Turn;
Turn *poll_once_buffer(uint64_t future);
bool told_within(Turn *turn, int milliseconds, int8_t *result);
void free_turn(Turn *turn);

/* Waits for the end of a call that returns an object, a buffer, or nothing. */
uint64_t finish_u64(uint64_t future, RustCallStatus *status);
RustBuffer finish_buffer(uint64_t future, RustCallStatus *status);
void finish_void(uint64_t future, RustCallStatus *status);

void sleep_ms(int milliseconds);
