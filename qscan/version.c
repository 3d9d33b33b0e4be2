#include "qscan/version.h"

#include <stdio.h>

#include <jansson.h>

#include "qscan/shipped.h"
#include "parsers/input_log.h"
#include "rules/rules.h"

void version_print(void)
{
    printf("qscan %s\n", QSCAN_VERSION);
    printf("PCRE2 %s, jansson %s\n", rules_library_version(),
           jansson_version_str());
    printf("logs: %s\n", input_log_libraries());
    printf("%zu rule files embedded, rules folder %s\n", shipped_rule_count,
           QSCAN_RULES_DIR);
    printf("locks: flock and OFD fcntl; renames: %s\n", "renameat2");
}
