#!/usr/bin/env perl

# The lint over the tree, and over small wrong files that it must catch: a lint
# that never speaks proves nothing.

use strict;
use warnings;
use File::Path qw(make_path);
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use Test::More;

my $lint = "$Bin/lint/ranks.pl";

# Runs the lint; returns (exit code, output lines).
sub lint {
    my (@args) = @_;
    open my $fh, '-|', $^X, $lint, @args or die "lint: $!\n";
    my @out = <$fh>;
    close $fh;
    chomp @out;
    return ($? >> 8, @out);
}

# A tree of the given files (path => text) in a directory of its own.
sub tree {
    my (%files) = @_;
    my $dir = tempdir(CLEANUP => 1);
    make_path("$dir/src/base", "$dir/modules");
    for my $path (keys %files) {
        make_path("$dir/" . $path =~ s{/[^/]*\z}{}r);
        open my $fh, '>', "$dir/$path" or die "$path: $!\n";
        print {$fh} $files{$path};
        close $fh or die "$path: $!\n";
    }
    return $dir;
}

my ($code, @out) = lint("$Bin/..");
is($code, 0, 'the tree is clean') or diag(join "\n", @out);

# Two wrong files: every fault with the line it must be found in.
my $dir = tree(
    'src/http/bad.c' => <<'C',
/* strcpy in a comment and "base" are fine */
#include <string.h>
#include "base/str.h"
#include "io/loop.h"
#include "conf/load.h"
static void f(char *d, const char *s) { strcpy(d, s); }
static int g(const char *s) { return atoi(s); /* FIXME */ }
static const char *h = "sprintf(";
C
    'modules/bad.c' => <<'C',
#include "core/request.h"
#include "main/master.h"
#include "../src/base/str.h"
// TODO more
static int (*copy)(char *, const char *, ...) = sprintf;
static long snprintf_count, n = 0;
C
);
($code, @out) = lint($dir);
is($code, 1, 'wrong files make it fail');
my %want = (
    'src/http/bad.c:4: http may not include io (io/loop.h)'     => 'sideways include',
    'src/http/bad.c:5: http may not include conf (conf/load.h)' => 'sideways include of conf',
    'src/http/bad.c:6: strcpy is not used here'                 => 'strcpy',
    'src/http/bad.c:7: atoi is not used here'                   => 'atoi',
    'src/http/bad.c:7: FIXME left in'                           => 'marker in a block comment',
    'modules/bad.c:2: modules may not include main (main/master.h)' => 'include upwards',
    'modules/bad.c:3: include of ../src/base/str.h: paths start at src' => 'relative include',
    'modules/bad.c:4: TODO left in'             => 'marker in a line comment',
    'modules/bad.c:5: sprintf is not used here' => 'function taken by address',
);
for my $line (sort keys %want) {
    is(scalar(grep { $_ eq $line } @out), 1, "caught: $want{$line}");
}
is(scalar @out, scalar keys %want, 'and nothing else') or diag(join "\n", @out);

# Each banned word, and the rank order pair by pair.
for my $word (qw(strcpy strcat sprintf atoi strtok gets alloca gethostbyname)) {
    ($code) = lint(tree('src/base/x.c' => "int f(void) { return $word(0); }\n"));
    is($code, 1, "$word is banned");
}
my @order = (['base'], [qw(conf io http)], ['core'], ['cache'], ['modules'], ['main']);
for my $i (0 .. $#order) {
    for my $from (@{$order[$i]}) {
        my $file = $from eq 'modules' ? 'modules/x.c' : "src/$from/x.c";
        for my $j (0 .. $#order) {
            for my $to (@{$order[$j]}) {
                my $may = $from eq $to || $j < $i ? 0 : 1;
                my $also = $from eq 'base' ? '' : "#include \"base/str.h\"\n";
                my $t = tree($file => "$also#include \"$to/x.h\"\n", 'src/base/y.c' => "int y;\n");
                ($code) = lint($t);
                is($code, $may, "$from " . ($may ? 'may not' : 'may') . " include $to");
            }
        }
    }
}

# Sizes are a report: shown, never failing.
my $long = "int f(void)\n{\n" . "    g();\n" x 90 . "}\n" . "\n" x 400;
($code, @out) = lint('--sizes', tree('src/base/long.c' => $long));
is($code, 0, 'the size report does not fail');
is(scalar(grep { /long\.c: \d+ lines/ } @out),      1, 'long file reported');
is(scalar(grep { /long\.c:2: f has 92 lines/ } @out), 1, 'long function reported')
    or diag(join "\n", @out);
($code, @out) = lint('--sizes', "$Bin/..");
diag($_) for @out;

done_testing();
