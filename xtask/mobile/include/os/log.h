/* Declarations of Apple's <os/log.h>, enough to compile a C file that calls it where there is no Apple SDK.
 * For `cargo xtask check-mobile` only: nothing is ever linked with it. */
#pragma once
#include <stdint.h>

typedef struct os_log_s *os_log_t;
typedef uint8_t os_log_type_t;

enum {
  OS_LOG_TYPE_DEFAULT = 0x00,
  OS_LOG_TYPE_INFO = 0x01,
  OS_LOG_TYPE_DEBUG = 0x02,
  OS_LOG_TYPE_ERROR = 0x10,
  OS_LOG_TYPE_FAULT = 0x11,
};

extern struct os_log_s _os_log_default;
#define OS_LOG_DEFAULT (&_os_log_default)

os_log_t os_log_create(const char *subsystem, const char *category);
_Bool os_log_type_enabled(os_log_t log, os_log_type_t type);
void os_log_with_type(os_log_t log, os_log_type_t type, const char *format, ...);
void os_log(os_log_t log, const char *format, ...);
void os_log_debug(os_log_t log, const char *format, ...);
void os_log_info(os_log_t log, const char *format, ...);
void os_log_error(os_log_t log, const char *format, ...);
void os_log_fault(os_log_t log, const char *format, ...);
