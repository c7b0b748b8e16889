/* A KeyStore and an Observer in C. The library calls them on threads of its own. */
#include "foreign.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ffi.h"

enum { OBJECTS_MAX = 32, KEY_BYTES = 32 };

/* What a handle of this program stands for. */
typedef struct Object {
    int held;
    KeysKind kind;
    int throws;
    bool has_key;
    uint8_t key[KEY_BYTES];
    int saved, loaded;
    int changes, progress, last_state;
    bool last_had_report;
} Object;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static Object objects[OBJECTS_MAX];
static int made = 0;

/* Handles of the foreign side are odd: the library tells its own by that. */
static uint64_t handle_of(int number) { return (uint64_t)number * 2 + 1; }

static Object *object_of(uint64_t handle) {
    MUST((handle & 1) == 1 && handle / 2 < (uint64_t)made, "a handle that this program never gave");
    Object *object = &objects[handle / 2];
    MUST(object->held > 0, "a handle that was freed");
    return object;
}

static Object *new_object(int *number) {
    MUST(made < OBJECTS_MAX, "too many objects for this program");
    *number = made++;
    objects[*number] = (Object){.held = 1};
    return &objects[*number];
}

static void on_free(uint64_t handle) {
    pthread_mutex_lock(&lock);
    object_of(handle)->held -= 1;
    pthread_mutex_unlock(&lock);
}

static uint64_t on_clone(uint64_t handle) {
    pthread_mutex_lock(&lock);
    object_of(handle)->held += 1;
    pthread_mutex_unlock(&lock);
    return handle;
}

/* An error of the declared type: variant 1, `Failed`, with a reason. */
static void fail(RustCallStatus *status, const char *reason) {
    Writer writer = {0};
    put_int(&writer, 1, 4);
    put_text(&writer, reason);
    status->code = CALL_ERROR;
    status->errorBuf = lowered(&writer);
}

/* What nobody declared: in Swift any other error that is thrown. */
static void throw(RustCallStatus *status, const char *what) {
    status->code = CALL_UNEXPECTED;
    status->errorBuf = lowered_text(what);
}

/* Returns whether it goes on. */
static bool answers(const Object *keys, RustCallStatus *status) {
    switch (keys->kind) {
    case KEYS_FAIL:
        fail(status, "locked, on purpose");
        return false;
    case KEYS_THROW:
        throw(status, "thrown, on purpose");
        return false;
    default:
        return true;
    }
}

static void on_load_key(uint64_t handle, RustBuffer name, RustBuffer *out, RustCallStatus *status) {
    free_buffer(name);
    Writer writer = {0};
    pthread_mutex_lock(&lock);
    Object *keys = object_of(handle);
    keys->loaded += 1;
    bool goes_on = answers(keys, status);
    if (goes_on) {
        put_int(&writer, keys->has_key, 1);
        if (keys->has_key) {
            put_int(&writer, KEY_BYTES, 4);
            memcpy(writer.bytes + writer.len, keys->key, KEY_BYTES);
            writer.len += KEY_BYTES;
        }
    }
    pthread_mutex_unlock(&lock);
    if (goes_on) {
        *out = lowered(&writer);
    }
}

static void on_save_key(uint64_t handle, RustBuffer name, RustBuffer key, void *out, RustCallStatus *status) {
    (void)out;
    free_buffer(name);
    /* Bytes alone are passed like records: with their length. */
    Reader reader = reader_of(key);
    MUST(get_int(&reader, 4) == KEY_BYTES, "a key of another length");
    uint8_t bytes[KEY_BYTES];
    for (size_t i = 0; i < KEY_BYTES; i++) {
        bytes[i] = (uint8_t)get_int(&reader, 1);
    }
    reader_done(&reader);
    pthread_mutex_lock(&lock);
    Object *keys = object_of(handle);
    if (answers(keys, status)) {
        memcpy(keys->key, bytes, KEY_BYTES);
        keys->has_key = true;
        keys->saved += 1;
    }
    pthread_mutex_unlock(&lock);
}

static void on_delete_key(uint64_t handle, RustBuffer name, void *out, RustCallStatus *status) {
    (void)out;
    free_buffer(name);
    pthread_mutex_lock(&lock);
    Object *keys = object_of(handle);
    if (answers(keys, status)) {
        keys->has_key = false;
    }
    pthread_mutex_unlock(&lock);
}

static void throws_now_and_then(Object *observer, RustCallStatus *status) {
    if (observer->throws > 0 && (observer->changes + observer->progress) % observer->throws == 0) {
        fail(status, "an observer that throws, on purpose");
    }
}

static void on_changed(uint64_t handle, RustBuffer changes, void *out, RustCallStatus *status) {
    (void)out;
    Reader reader = reader_of(changes);
    for (uint64_t left = get_int(&reader, 4); left > 0; left--) {
        free(get_text(&reader));
        get_int(&reader, 4);
        free(get_maybe(&reader));
        get_int(&reader, 1);
    }
    for (int flag = 0; flag < 6; flag++) {
        MUST(get_int(&reader, 1) <= 1, "a flag that is neither yes nor no");
    }
    reader_done(&reader);
    pthread_mutex_lock(&lock);
    Object *observer = object_of(handle);
    observer->changes += 1;
    throws_now_and_then(observer, status);
    pthread_mutex_unlock(&lock);
}

static void on_sync_progress(uint64_t handle, RustBuffer progress, void *out, RustCallStatus *status) {
    (void)out;
    Reader reader = reader_of(progress);
    int state = (int)get_int(&reader, 4);
    for (int count = 0; count < 5; count++) {
        get_int(&reader, 8);
    }
    get_int(&reader, 4);
    bool has_report = get_int(&reader, 1) == 1;
    if (has_report) {
        free(get_text(&reader));
        free(get_text(&reader));
        get_int(&reader, 4);
        free(get_text(&reader));
        for (uint64_t left = get_int(&reader, 4); left > 0; left--) {
            free(get_text(&reader));
        }
    }
    reader_done(&reader);
    pthread_mutex_lock(&lock);
    Object *observer = object_of(handle);
    observer->progress += 1;
    observer->last_state = state;
    observer->last_had_report = has_report;
    throws_now_and_then(observer, status);
    pthread_mutex_unlock(&lock);
}

static void on_wipe_ordered(uint64_t handle, RustBuffer order, void *out, RustCallStatus *status) {
    (void)handle;
    (void)out;
    (void)status;
    free_buffer(order);
    MUST(false, "nobody ordered a wipe here");
}

/* The library keeps the addresses, so both live as long as the program. */
static const UniffiVTableCallbackInterfaceKeyStore keys_table = {
    .uniffiFree = on_free,
    .uniffiClone = on_clone,
    .loadKey = on_load_key,
    .saveKey = on_save_key,
    .deleteKey = on_delete_key,
};

static const UniffiVTableCallbackInterfaceObserver observer_table = {
    .uniffiFree = on_free,
    .uniffiClone = on_clone,
    .changed = on_changed,
    .syncProgress = on_sync_progress,
    .wipeOrdered = on_wipe_ordered,
};

void tell_tables(void) {
    uniffi_bienban_bindings_fn_init_callback_vtable_keystore(&keys_table);
    uniffi_bienban_bindings_fn_init_callback_vtable_observer(&observer_table);
}

uint64_t new_keys(KeysKind kind, int *number) {
    pthread_mutex_lock(&lock);
    new_object(number)->kind = kind;
    pthread_mutex_unlock(&lock);
    return handle_of(*number);
}

uint64_t keys_again(int number) {
    pthread_mutex_lock(&lock);
    objects[number].held += 1;
    pthread_mutex_unlock(&lock);
    return handle_of(number);
}

uint64_t new_observer(int throws, int *number) {
    pthread_mutex_lock(&lock);
    new_object(number)->throws = throws;
    pthread_mutex_unlock(&lock);
    return handle_of(*number);
}

/* Reads one number of an object. */
#define ASKED(name, type, field)                                                                       \
    type name(int number) {                                                                            \
        pthread_mutex_lock(&lock);                                                                     \
        type value = objects[number].field;                                                            \
        pthread_mutex_unlock(&lock);                                                                   \
        return value;                                                                                  \
    }

ASKED(object_held, int, held)
ASKED(keys_saved, int, saved)
ASKED(keys_loaded, int, loaded)
ASKED(observer_changes, int, changes)
ASKED(observer_progress, int, progress)
ASKED(observer_last_state, int, last_state)
ASKED(observer_last_had_report, bool, last_had_report)

int foreign_held(void) {
    pthread_mutex_lock(&lock);
    int held = 0;
    for (int number = 0; number < made; number++) {
        held += objects[number].held;
    }
    pthread_mutex_unlock(&lock);
    return held;
}
