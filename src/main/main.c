/*
 * main.c: where the program begins.
 */
#include "main/cli.h"

int main(int argc, char **argv)
{
    return cli_run(argc, argv);
}
