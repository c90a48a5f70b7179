#!/usr/bin/env perl

# A short soak: reloads, upgrades and kills under traffic of every kind; bench/soak does it for longer.

use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;

local $SIG{ALRM} = sub { die "the soak takes too long\n" };
alarm 170;

my $python = (grep { -x } map { "$_/python3" } split /:/, $ENV{PATH} // '')[0];
plan skip_all => 'no python3 here' if !$python;

# Runs it: its lines.
sub soak {
    my (@args) = @_;
    my $dir = tempdir('weir-soak-XXXXXX', TMPDIR => 1, CLEANUP => 1);
    open my $in, '-|', $python, "$FindBin::Bin/../bench/soak", '--weir', Weir::binary(), '--dir', $dir,
        '--port', 0, @args or die "soak: $!\n";
    my @lines = <$in>;
    close $in;
    return @lines;
}

for my $case (
    ['reloads and upgrades', [qw(--reloads 10 --upgrades 2 --pause 0.1 --transfer 20000000)],
        [qw(keep-alive pipelining closing tunnel download file upload), '-s reload', '-s upgrade']],
    ['kills', [qw(--reloads 0 --upgrades 0 --kills 3 --pause 0.1 --transfer 20000000)],
        ['keep-alive', 'kill worker', 'kill keeper', 'kill master']],
    ['a storm', [qw(--reloads 0 --upgrades 0 --storm 12)], ['tunnel', 'keep-alive', '-s reload']],
    ['idle and slow clients', [qw(--reloads 0 --upgrades 0 --idle 500 --stalled --slowloris 50)], []],
) {
    my ($name, $args, $kinds) = @$case;
    my @lines = soak(@$args);
    is($?, 0, "$name: nothing is lost") or diag @lines;
    for my $kind (@$kinds) {
        ok((grep { /^\Q$kind\E +[1-9]\d* +0 / } @lines), "$name: $kind, none failed") or diag @lines;
    }
}

done_testing;
