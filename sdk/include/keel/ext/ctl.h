/* Commands for operators: `ctl <name> ...`. */
#ifndef KEEL_EXT_CTL_H
#define KEEL_EXT_CTL_H
#include "keel/abi.h"

#define KEEL_EXT_CTL "keel.ctl/1"

enum {
  KEEL_EXIT_OK = 0,
  KEEL_EXIT_ERROR = 1,
  KEEL_EXIT_USAGE = 2, /* ctl prints the usage */
  KEEL_EXIT_PROMPT =
      3,              /* the answer is a question such as "Password: ": ctl asks it without showing
                         what is typed (or reads a line of its standard input) and calls again
                         with that as one more word. Two questions at most for one command */
  KEEL_EXIT_LATER = 4 /* finish() tells; within a minute, else the caller is told it failed */
};

typedef struct keel_ctl_call {
  uint32_t size;
  int32_t json;         /* --json was given: answer one JSON document */
  const keel_str* args; /* the words behind the command's name */
  uint32_t args_n;
  uint32_t reserved;
  keel_sink out;     /* the answer; a line ends with \n */
  keel_handle reply; /* names the call for finish() */
} keel_ctl_call;

/* Answers a KEEL_EXIT_*. [control] */
typedef int32_t (*keel_ctl_fn)(void* ctx, const keel_ctl_call* call);

typedef struct keel_ctl_usage {
  const char* form;    /* "sn show <ClientId>" */
  const char* summary; /* "Show a client" */
} keel_ctl_usage;

typedef struct keel_ext_ctl {
  uint32_t size;
  uint32_t reserved;
  /* Adds a command. KEEL_E_EXISTS: the kernel or another plugin has one of this name. Usages are
   * copied. [control] since 1.0 */
  keel_status (*add)(const keel_host* host, const char* name, const keel_ctl_usage* usages,
                     uint32_t usages_n, keel_ctl_fn fn, void* ctx, keel_handle* out);
  keel_status (*remove)(const keel_host* host, keel_handle command); /* [control] since 1.0 */
  /* Ends a call that was answered KEEL_EXIT_LATER: `text` is appended to what was written so far,
   * `exit` is OK, ERROR or PROMPT. KEEL_E_STALE: it was finished, too late, or nobody waits any
   * more. May come before the command's function has returned. [any] since 1.0 */
  keel_status (*finish)(const keel_host* host, keel_handle reply, int32_t exit, keel_str text);
} keel_ext_ctl;
#endif
