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

# Both runs at once, each with a port and an upstream of its own: most of their time is waiting.
my @kinds = ([0, 'every case', 'http', 'up'], [1, 'every case, byte by byte', 'split', 'upsplit']);

my $w = Weir->new(ports => [qw(http split up upsplit)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
defaults = { timeouts = { read = "2s"; }; };
listeners = ( { address = "127.0.0.1:{{http}}"; sites = "whole"; },
              { address = "127.0.0.1:{{split}}"; sites = "split"; } );
sites = (
  { name = "whole";
    routes = ( { prefix = "/static/"; alias = "{{dir}}/static/root/"; },
               { prefix = "/"; proxy = "http://127.0.0.1:{{up}}"; } ); },
  { name = "split";
    routes = ( { prefix = "/static/"; alias = "{{dir}}/static-split/root/"; },
               { prefix = "/"; proxy = "http://127.0.0.1:{{upsplit}}"; } ); }
);
CONF
for my $dir (qw(static static-split)) {
    mkdir $w->dir . "/$dir";
    mkdir $w->dir . "/$dir/root";
}
$w->start;
$w->allow(qr/./);    # each case is logged with its reason

my @runs;
for my $kind (@kinds) {
    my ($split, $name, $http, $up) = @$kind;
    my @command = ($python, "$Bin/corpus/run_corpus.py", '--proxy', '127.0.0.1:' . $w->port($http),
        '--upstream-port', $w->port($up), '--corpus', "$Bin/corpus/open",
        '--static-root', $w->dir . ($split ? '/static-split' : '/static'), '--split', $split, '--timeout', 6);
    open my $fh, '-|', @command or die "$python: $!";
    push @runs, [$fh, $name];
}
for my $run (@runs) {
    my ($fh, $name) = @$run;
    my @out = <$fh>;
    close $fh;
    is($? >> 8, 0, $name) or diag(@out);
}

$w->stop_ok;
done_testing;
