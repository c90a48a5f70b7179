/*
 * manual_text.h: what the manual page of the configuration says besides its tables, as mdoc.
 */
#ifndef WEIR_MAIN_MANUAL_TEXT_H
#define WEIR_MAIN_MANUAL_TEXT_H

extern const char manual_file[];   /* the head; what the file looks like */
extern const char manual_choice[]; /* levels, how a site and a route are chosen, variables */
extern const char manual_end[];    /* what follows the tables */

#endif
