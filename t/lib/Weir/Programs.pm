package Weir::Programs;

# Programs that are not ours, run by a test: found, run to their end, or kept until the test ends; each is leader of a
# process group, which is ended with it.

use strict;
use warnings;
use Exporter qw(import);
use IO::Socket::INET;
use POSIX ();
use Test::More ();
use Weir;

our @EXPORT_OK = qw(program_in_path start_program spawn_program end_program output_of chromium browse);

my %programs;
my $owner = $$;

sub program_in_path {
    my ($name) = @_;
    return (grep { -x && !-d } map { "$_/$name" } split /:/, $ENV{PATH} // '')[0];
}

# Starts a server and waits until it listens; with {env}, {out}.
sub start_program {
    my ($port, $argv, %o) = @_;
    my $pid = spawn_program($argv, %o);
    my $up  = Weir::wait_for(sub {
        return 'ended' if waitpid($pid, POSIX::WNOHANG()) == $pid;
        return IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) ? 'up' : 0;
    });
    delete $programs{$pid} if ($up // '') eq 'ended';
    die "@$argv did not start\n" if ($up // '') ne 'up';
    return $pid;
}

sub spawn_program {
    my ($argv, %o) = @_;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        setpgrp 0, 0;
        %ENV = (%ENV, %{$o{env} // {}});
        open STDIN,  '<',  '/dev/null'             or POSIX::_exit(127);
        open STDOUT, '>>', $o{out} // '/dev/null' or POSIX::_exit(127);
        open STDERR, '>>', '/dev/null'             or POSIX::_exit(127);
        exec {$argv->[0]} @$argv or POSIX::_exit(127);
    }
    setpgrp $pid, $pid;
    $programs{$pid} = 1;
    return $pid;
}

sub end_program {
    my ($pid) = @_;
    delete $programs{$pid} or return;
    kill KILL => -$pid;
    waitpid $pid, 0;
    return;
}

# What a program prints on both outputs; undef when it failed, or took minutes.
sub output_of {
    my (@argv) = @_;
    my $pid = open my $out, '-|';
    die "fork: $!\n" if !defined $pid;
    if (!$pid) {
        alarm 240;    # outlives exec
        open STDERR, '>&', \*STDOUT or POSIX::_exit(127);
        exec {$argv[0]} @argv or POSIX::_exit(127);
    }
    my $text = do { local $/; <$out> } // '';
    return close $out ? $text : do { Test::More::diag("@argv: $text"); undef };
}

# Chromium without a window, its files and output below DIR.
sub chromium {
    my ($dir, $program, @argv) = @_;
    return spawn_program([$program, qw(--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run
        --disable-background-networking), "--user-data-dir=$dir/profile", @argv], out => "$dir/dom", env => {HOME => $dir});
}

# The same to its end, its output in DIR/dom: true when it ended by itself.
sub browse {
    my ($dir, @argv) = @_;
    my $pid  = chromium($dir, @argv);
    my $done = Weir::wait_for(sub { waitpid($pid, POSIX::WNOHANG()) == $pid }, 60);
    kill KILL => -$pid;    # its helpers are of its group
    $done ? delete $programs{$pid} : end_program($pid);
    return $done;
}

END {
    if ($$ == $owner) {
        my $code = $?;
        end_program($_) for keys %programs;
        $? = $code;
    }
}

1;
