#!/usr/bin/env perl

# Layer and wording checks of the C sources: who may include whom, functions
# that are not used here, and left-over markers.
#
#   ranks.pl ROOT           prints FILE:LINE: what is wrong; exit 1 when anything is
#   ranks.pl --sizes ROOT   prints long files and functions; always exit 0
#
# A file includes its own directory and lower ranks only:
# base < conf, io, http (not each other) < core < cache < modules < main.

use strict;
use warnings;
use File::Find ();

my %rank = (
    base => 0, conf => 1, io => 1, http => 1, core => 2, cache => 3, modules => 4, main => 5,
);
my @banned   = qw(strcpy strcat sprintf atoi strtok gets alloca gethostbyname);
my $banned   = join '|', @banned;
my $MAX_FILE = 400;
my $MAX_FUNC = 80;

my $sizes = @ARGV && $ARGV[0] eq '--sizes' ? shift : 0;
my $root  = shift // usage();
usage() if @ARGV || !-d "$root/src";

my @files = sources($root);
if (!@files) {
    print "$root/src: no C source in it\n";
    exit($sizes ? 0 : 1);
}
my $wrong = 0;
for my $f (@files) {
    my $text = slurp("$root/$f");
    print "$_\n" for $sizes ? sizes($f, $text) : problems($f, $text);
}
exit($wrong ? 1 : 0);

sub usage {
    print {*STDERR} "usage: ranks.pl [--sizes] ROOT (a directory with src in it)\n";
    exit 2;
}

sub sources {
    my ($dir) = @_;
    my @all = glob "$dir/modules/*.c $dir/modules/*.h";
    File::Find::find({no_chdir => 1, wanted => sub { push @all, $_ if /\.[ch]\z/ && -f } },
        "$dir/src");
    return sort map { s{\A\Q$dir\E/}{}r } @all;
}

sub slurp {
    my ($path) = @_;
    open my $fh, '<:raw', $path or die "$path: $!\n";
    local $/;
    return <$fh> // '';
}

# Comments and the insides of literals become blanks, lines stay where they are.
sub code_only {
    my ($text) = @_;
    $text =~ s{(/\*.*?\*/|//[^\n]*)|("(?:[^"\\\n]|\\.)*")|('(?:[^'\\\n]|\\.)*')}
              {defined $1 ? $1 =~ s/[^\n]/ /gr : defined $2 ? blank($2) : blank($3)}gse;
    return $text;
}

sub blank {
    my ($lit) = @_;
    my $inside = substr($lit, 1, -1) =~ s/[^\n]/ /gr;
    return substr($lit, 0, 1) . $inside . substr($lit, -1);
}

# src/io/x.c is of io, modules/x.c of modules; undef when the directory has no rank.
sub place_of {
    my ($file) = @_;
    return 'modules' if $file =~ m{\Amodules/};
    return $file =~ m{\Asrc/([^/]+)/} && exists $rank{$1} ? $1 : undef;
}

sub may_include {
    my ($from, $to) = @_;
    return $from eq $to || $rank{$to} < $rank{$from};
}

sub problems {
    my ($f, $text) = @_;
    my @out;
    my $own = place_of($f);
    push @out, "$f:1: not in a directory that has a rank" if !defined $own;
    my @code = split /\n/, code_only($text), -1;
    my $n    = 0;
    for my $line (split /\n/, $text, -1) {
        my $code = $code[$n++];
        # The name of an included file is a literal: from the line as it is, if it is code.
        if (defined $own && $code =~ /\A\s*#\s*include\b/
            && $line =~ /\A\s*#\s*include\s*(["<])([^">]*)[">]/) {
            my $why = include_problem($own, $1, $2);
            push @out, "$f:$n: $why" if defined $why;
        }
        push @out, "$f:$n: $1 is not used here" while $code =~ /(?<![\w.])(?<!->)($banned)\b/g;
        push @out, "$f:$n: $1 left in" if $line =~ /\b(TODO|FIXME)\b/i;
    }
    $wrong += @out;
    return @out;
}

sub include_problem {
    my ($own, $quote, $name) = @_;
    return "include of $name: paths start at src" if $name =~ m{(?:\A|/)\.\.?/};
    my ($dir) = $name =~ m{\A([^/]+)/};
    if (!defined $dir) {
        return if $quote eq '<' || $name eq 'config.h';
        return "include of \"$name\": write it from src, as \"DIRECTORY/$name\"";
    }
    if (!exists $rank{$dir}) {
        return $quote eq '<' ? undef : "include of \"$name\": $dir has no rank";
    }
    return if may_include($own, $dir);
    return "$own may not include $dir ($name)";
}

# A function here starts with a line at the margin that ends in "{" after ")" (or is
# "{" alone) and ends with "}" at the margin.
sub sizes {
    my ($f, $text) = @_;
    my @lines = split /\n/, code_only($text);
    my $count = $text =~ tr/\n//;
    my @out;
    push @out, "$f: $count lines (over $MAX_FILE)" if $count > $MAX_FILE;
    my ($name, $begin);
    for my $i (0 .. $#lines) {
        my $l = $lines[$i];
        $name = $1 if !defined $begin && $l =~ /\A[A-Za-z_][^=;]*?(\w+)\s*\(/;
        $begin = $i if !defined $begin && defined $name && $l =~ /(?:\A|\)\s*)\{\s*\z/;
        next if !defined $begin || $l !~ /\A\}/;
        my $len = $i - $begin + 1;
        push @out, sprintf '%s:%d: %s has %d lines (over %d)', $f, $begin + 1, $name, $len,
            $MAX_FUNC if $len > $MAX_FUNC;
        ($name, $begin) = ();
    }
    return @out;
}
