/* cli_manual.c: prints the manual page of the configuration. */
#include "main/cli_manual.h"

#include <stdio.h>

#include "conf/mdoc.h"
#include "core/config/settings.h"
#include "main/cli.h"
#include "main/manual_text.h"

int cli_manual(int argc, char **argv)
{
    (void)argv;
    if (argc != 2)
        return cli_wrong("manual takes no arguments");
    fputs(manual_file, stdout);
    fputs(manual_choice, stdout);
    mdoc_print(stdout, &settings_group, SCOPE_FILE, settings_scopes);
    fputs(manual_end, stdout);
    return fflush(stdout) == 0 ? CLI_DONE : CLI_FAULT;
}
