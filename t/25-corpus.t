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

my $w = Weir->new(ports => [qw(http up)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; } );
upstreams = ( { name = "up"; servers = ( { address = "127.0.0.1:{{up}}"; } ); } );
sites = (
  { name = "all"; timeouts = { read = "2s"; };
    routes = ( { prefix = "/static/"; alias = "{{dir}}/static/root/"; index = [ "index.html" ]; },
               { prefix = "/"; proxy = "up"; } ); }
);
CONF
mkdir $w->dir . '/static';
mkdir $w->dir . '/static/root';
$w->start;
$w->allow(qr/./);    # each case is logged with its reason

for my $split (0, 1) {
    my @command = ($python, "$Bin/corpus/run_corpus.py", '--proxy', '127.0.0.1:' . $w->port('http'),
        '--upstream-port', $w->port('up'), '--corpus', "$Bin/corpus/open",
        '--static-root', $w->dir . '/static', '--split', $split, '--timeout', 6);
    open my $fh, '-|', @command or die "$python: $!";
    my @out = <$fh>;
    close $fh;
    is($? >> 8, 0, $split ? 'every case, byte by byte' : 'every case') or diag(@out);
}

$w->stop_ok;
done_testing;
