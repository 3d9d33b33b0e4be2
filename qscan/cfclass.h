/*
 * The macros of a sendmail.cf, and which of its classes name hosts and domains
 * of ours (readcf.c; cf/README). All slices are of the file's text.
 */
#ifndef QSCAN_CFCLASS_H
#define QSCAN_CFCLASS_H

#include "parsers/slice.h"

enum {
    CF_CLASSES_MAX = 256, /* sendmail knows no more */
    CF_MACROS_MAX = 256,  /* the same */
    CF_REFERENCES_MAX = 1000,
    CF_NAME_MAX_BYTES = 256,
};

enum cf_class_kind {
    CLASS_OTHER,
    CLASS_OF_SENDERS, /* mail of ours is from there */
    CLASS_OF_NAMES,   /* anybody may send mail there */
    CLASS_OF_RELAYED, /* and below; and its networks may send anywhere */
};

/* Begins as zeros. Of what there is no room for nothing is known. */
struct cf {
    struct cf_macro {
        struct slice name, value;
    } macros[CF_MACROS_MAX];
    size_t macro_count;
    struct cf_class {
        struct slice name;
        enum cf_class_kind kind;
    } classes[CF_CLASSES_MAX];
    size_t class_count;
    /* "CR$={VirtHost}": whatever is in one class is in another, too. */
    struct cf_reference {
        struct slice from, to;
    } references[CF_REFERENCES_MAX];
    size_t reference_count;
};

/* "w" or "{VirtHost}", which "{w}" is another way to write, at the start; of a
 * class, or of a macro. */
struct slice cf_take_name(struct slice *rest);

/* The next word of a line, or of what goes on with it, that is not in a
 * comment; empty at its end. */
struct slice cf_next_word(struct slice *rest);

/* What stands behind the C of such a line, and behind the D. */
void cf_note_references(struct cf *cf, struct slice rest);
void cf_note_macro(struct cf *cf, struct slice rest);

/* Once all references are noted: which classes there are to be read. sendmail
 * takes from a class only what it had when the line is read; here what comes
 * later counts as well: ours are rather too many. */
void cf_find_our_classes(struct cf *cf);
enum cf_class_kind cf_class_kind(const struct cf *cf, struct slice name);

enum cf_expansion {
    CF_EXPANDED,
    CF_IS_OWN_NAME,    /* $w, $j: the host's own are ours without being told */
    CF_IS_NOT_DEFINED, /* no D line has it, or has more macros in it */
    CF_IS_TOO_LONG,
};

/* "$m" and "${dom}" by their values, in text. */
enum cf_expansion cf_expand(const struct cf *cf, struct slice word,
                            char text[static CF_NAME_MAX_BYTES],
                            struct slice *expanded_r);

#endif
