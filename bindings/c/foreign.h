/* A KeyStore and an Observer in C, as the tables of functions that the library calls. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Tells the library of both tables. Once, before anything is opened. */
void tell_tables(void);

/* How a key store answers. */
typedef enum KeysKind { KEYS_SOUND, KEYS_FAIL, KEYS_THROW } KeysKind;

/* Makes a key store in memory and returns a handle for the library, which frees it. Its number is for asking. */
uint64_t new_keys(KeysKind kind, int *number);
/* Another handle of the same one. */
uint64_t keys_again(int number);
int keys_saved(int number);
int keys_loaded(int number);

/* Makes an observer; it answers every `throws`th call with an error, never for 0. */
uint64_t new_observer(int throws, int *number);
int observer_changes(int number);
int observer_progress(int number);
/* The variant of the last state that it was told of, and whether a report came with it. */
int observer_last_state(int number);
bool observer_last_had_report(int number);

/* How many handles of one object, and of all, the library still holds. */
int object_held(int number);
int foreign_held(void);
