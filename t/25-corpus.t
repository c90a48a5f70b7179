#!/usr/bin/env perl

# The hostile corpus (t/corpus) against the real binary: malformed, ambiguous and odd
# requests and responses, sent whole and byte by byte.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
use Weir;

my $python = (grep { -x } map {"$_/python3"} split /:/, $ENV{PATH})[0]
    or plan skip_all => 'python3, which runs the corpus, is not installed';

# All at once, each part with a port, an upstream and a directory of its own: most of their time is waiting.
my $PARTS = 4;
my @runs;
for my $part (1 .. $PARTS) {
    push @runs, {split => 0, name => "whole$part", what => "every case, part $part"};
    push @runs, {split => 1, name => "split$part", what => "every case, byte by byte, part $part"};
}
$_->{part} = $_->{name} =~ s/\D+//r for @runs;

my $listeners = join ', ', map { "{ address = \"127.0.0.1:{{$_->{name}}}\"; sites = \"$_->{name}\"; }" } @runs;
my $sites = join ",\n", map { <<"SITE" } @runs;
  { name = "$_->{name}";
    routes = ( { prefix = "/static/"; alias = "{{dir}}/$_->{name}/root/"; },
               { prefix = "/"; proxy = "http://127.0.0.1:{{up$_->{name}}}"; } ); }
SITE
my $w = Weir->new(ports => [map { ($_->{name}, "up$_->{name}") } @runs], conf => <<"CONF");
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
defaults = { timeouts = { read = "2s"; }; };
listeners = ( $listeners );
sites = ( $sites );
CONF
for my $run (@runs) {
    mkdir $w->dir . "/$run->{name}";
    mkdir $w->dir . "/$run->{name}/root";
}
$w->start;
$w->allow(qr/./);    # each case is logged with its reason

for my $run (@runs) {
    my @command = ($python, "$Bin/corpus/run_corpus.py", '--proxy', '127.0.0.1:' . $w->port($run->{name}),
        '--upstream-port', $w->port("up$run->{name}"), '--corpus', "$Bin/corpus/open",
        '--static-root', $w->dir . "/$run->{name}", '--split', $run->{split}, '--part', "$run->{part}/$PARTS",
        '--timeout', 6);
    open $run->{out}, '-|', @command or die "$python: $!";
}
my %passed = (0 => 0, 1 => 0);
for my $run (@runs) {
    my @out = readline $run->{out};
    close $run->{out};
    is($? >> 8, 0, $run->{what}) or diag(@out);
    $passed{$run->{split}} += $1 if ($out[-1] // '') =~ /^(\d+) passed/;
}
cmp_ok($passed{0}, '>', 200, 'those are the cases');
is($passed{1}, $passed{0}, 'the same ones byte by byte');

$w->stop_ok;
done_testing;
