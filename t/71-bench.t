#!/usr/bin/env perl

# The benchmark itself: its programs compile without a warning, its load generator
# counts what its backend answers, and what goes wrong, and bench/run measures Weir.

use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use IO::Socket::INET;
use lib "$Bin/lib";
use POSIX ();
use Test::More;
use Weir;
use Weir::Upstream;

my $bench = "$Bin/../bench";
my $dir   = tempdir(CLEANUP => 1);
local $SIG{ALRM} = sub { die "the benchmark takes too long\n" };
alarm 200;

sub in_path {
    my ($name) = @_;
    return (grep { -x && !-d } map { "$_/$name" } split /:/, $ENV{PATH} // '')[0];
}

my $cc = in_path($ENV{CC} // 'cc');
plan skip_all => 'no C compiler here' if !$cc;
for my $name (qw(backend load)) {
    my $said = `$cc -O1 -std=gnu11 -Wall -Wextra -Wconversion -Werror -o $dir/$name $bench/$name.c 2>&1`;
    is($?, 0, "$name.c compiles") or diag($said);
}

# The numbers of one run of the load generator, by name.
sub load {
    my (@args) = @_;
    open my $fh, '-|', "$dir/load", @args or die "load: $!\n";
    my $line = <$fh> // '';
    close $fh;
    return {$line =~ /(\w+)=(\d+)/g};
}

my $pid = open my $backend, '-|', "$dir/backend", 0, 60 or die "backend: $!\n";
chomp(my $port = <$backend> // '');
for my $case (
    ['keep-alive',                       128, '-t', 200, '/b/128'],
    ['a connection each',                128, '-n', '-t', 200, '/b/128'],
    ['large',                        1048576, '-t', 300, '/b/1048576'],
    ['a body',                            16, '-t', 200, '-m', 'POST', '-b', 65536, '/up/16'],
) {
    my ($name, $size, @args) = @$case;
    my $r = load('-p', $port, '-c', 4, @args);
    cmp_ok($r->{requests}, '>', 10, "$name: requests");
    is($r->{failed}, 0, "$name: none failed");
    cmp_ok($r->{bytes}, '>', $r->{requests} * $size, "$name: their bytes");
}
kill TERM => $pid;
close $backend;

for my $case (
    ['status',    {do => 'fixed', status => 500, body => 'no'}],
    ['truncated', {do => 'fixed', bytes => "HTTP/1.1 200 OK\r\nContent-Le", close => 1}],
    ['closed',    {do => 'fixed', bytes => '', close => 1}],
    ['framing',   {do => 'fixed', bytes => "HTTP/1.1 200 OK\r\n\r\nall", close => 1}],
) {
    my ($name, $script) = @$case;
    my $up = Weir::Upstream->start(script => $script);
    my $r  = load('-p', $up->port, '-c', 1, '-t', 200, '/');
    cmp_ok($r->{$name}, '>', 0, "counted: $name");
    is($r->{requests}, 0, "$name: not a request");
    $up->stop;
}

SKIP: {
    skip 'no Python 3 here', 1 if !in_path('python3');
    my $cpus = `nproc` + 0;
    skip 'one processor', 1 if $cpus < 2;
    my $weir = Weir::binary();
    my $temp = tempdir(CLEANUP => 1);
    chmod 0755, $temp;    # the workers may run as another user
    local $ENV{TMPDIR} = $temp;
    my $options = "--weir $weir --proxies weir --rounds 1 --seconds 0.2 --no-calls";
    my $out = `python3 $bench/run $options small static-small upload 2>&1`;
    is($?, 0, 'bench/run ends well');
    like($out, qr/^small: .*\n.*\n  weir +[0-9.]+ .* 0\n/m, 'bench/run: small, none failed') or diag($out);
    like($out, qr/^static-small: .*\n.*\n  weir +[0-9.]+ .* 0\n/m, 'bench/run: static-small, none failed');
    like($out, qr/^upload: .*\n.*\n  weir +[0-9.]+ .* 0\n/m, 'bench/run: upload, none failed');
    is(scalar(() = glob "$temp/*"), 0, 'bench/run: nothing left behind');
    $out = `python3 $bench/floods --weir $weir --seconds 0.3 ping rapid-reset hpack-bomb zero-window 2>&1`;
    is($?, 0, 'bench/floods: every flood ends as it should') or diag($out);
    like($out, qr/^none .*\nping .*\nrapid-reset .*\nhpack-bomb .*\nzero-window .*ENHANCE_YOUR_CALM/m, 'bench/floods: a line for each');
    is(scalar(() = glob "$temp/*"), 0, 'bench/floods: nothing left behind');

    $out = `python3 $bench/cachestorm --weir $weir --clients 200 --rounds 1 --kills 1 --large 200000 2>&1`;
    is($?, 0, 'bench/cachestorm ends well') or diag($out);
    like($out, qr/^$_ +1 +200 +0 +0 +0 /m, "bench/cachestorm: $_, one fetch for all") for qw(small large chunked);
    like($out, qr/^killed +2 /m, 'bench/cachestorm: two when the worker that fills is killed');
    $out = `python3 $bench/cachekill --weir $weir --kills 5 --clients 6 2>&1`;
    is($?, 0, 'bench/cachekill ends well') or diag($out);
    like($out, qr/^answers .*hits [1-9]/m, 'bench/cachekill: hits');
    like($out, qr/^wrong +0 /m, 'bench/cachekill: no wrong byte');
    is(scalar(() = glob "$temp/*"), 0, 'bench/cache*: nothing left behind');
}

done_testing();
