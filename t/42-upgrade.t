#!/usr/bin/env perl

# USR2 and -s upgrade: the program file is replaced while it serves; a new program that fails changes nothing.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Copy qw(copy);
use FindBin;
use POSIX ();
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;
use Weir::Load;
use Weir::Processes;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 180;

my $real = abs_path($ENV{WEIR} // './weir');

# A copy of the program in the test's own directory, which is what runs.
sub install {
    my ($w, $from) = @_;
    my $path = $w->dir . '/weir-program';
    copy($from, "$path.new") or die "copy: $!";
    chmod 0755, "$path.new";
    rename "$path.new", $path or die "rename: $!";
    return $path;
}

sub broken {
    my ($w, $text) = @_;
    return install($w, $w->write('broken', $text));
}

sub upgrade {
    my ($w) = @_;
    return $w->run('-c', $w->dir . '/weir.conf', '-s', 'upgrade');
}

# The harness knows the first master only; later ones are ended here.
sub end_ok {
    my ($w, $name) = @_;
    my $pid  = pid_of($w);
    my @kids = master_kids($pid);
    ok(@kids > 0, 'the last master has processes');
    kill QUIT => $pid;
    ok(eventually(sub { gone($pid) && !grep { alive($_) } @kids }), $name);
    return;
}

# ---- there and back, under load
{
    my $w = weir(ports => [qw(http)], workers => 2);
    local $ENV{WEIR} = install($w, $real);
    start_up($w);
    my $first = $w->pid;
    my @load = map { Weir::Load->start(port => $w->port('http'), mode => $_) } qw(keepalive close pipeline);
    $w->conf(conf(body => 'two'));
    install($w, $real);    # the running program's file is another one now
    my $r = upgrade($w);
    is($r->{exit}, 0, '-s upgrade succeeds') or diag $r->{err};
    my $second = pid_of($w);
    isnt($second, $first, 'another process is the master');
    like($r->{out}, qr/^Process $second is the master now\.$/, 'which is said');
    is($w->get('http', '/')->{body}, "two\n", 'it has read the configuration anew');
    my $exe = readlink("/proc/$second/exe") // '';
    is($exe, $w->dir . '/weir-program', 'the file on disk is what runs');
    ok(eventually(sub { $w->_ended }), 'the first master ends by itself');
    is($w->{status}, 0, 'without an error');

    $w->conf(conf(body => 'three', workers => 3));
    kill USR2 => $second;
    ok(eventually(sub { my $pid = pid_of($w); $pid && $pid != $second }), 'USR2: another master again');
    my $third = pid_of($w);
    is(body_is($w, 'http', 'three'), 'three', 'it serves');
    ok(eventually(sub { gone($second) }), 'the second one ends');
    ok(eventually(sub { my @k = master_kids($third); @k == 4 }), 'as many workers as are configured');
    $r = $w->run('-c', $w->dir . '/weir.conf', '-s', 'reload');
    is($r->{exit}, 0, 'the third one reloads');
    my @failures = map { @{$_->stop->{failures}} } @load;
    is_deeply(\@failures, [], 'no request failed');
    is(scalar(grep { !/ (?:debug|info|notice) / } $w->log_lines), 0, 'nothing wrong in the log')
        or diag join "\n", $w->log_lines;
    end_ok($w, 'the third one ends');
    ok(!-e $w->dir . "/$_", "$_ is removed") for qw(weir.pid control.sock control.sock.take);
}

# ---- new programs that fail
for my $case (
    ['ends at once', "#!/bin/sh\nexit 3\n", qr/ended before it was ready/],
    ['is no program', "this is not a program\n", qr/weir-program: (?:Exec format error|Permission denied)/],
    ['is not there', undef, qr/weir-program: No such file or directory/],
) {
    my ($what, $text, $why) = @$case;
    my $w = weir();
    local $ENV{WEIR} = install($w, $real);
    start_up($w);
    if (defined $text) { broken($w, $text) }
    else               { unlink $w->dir . '/weir-program' }
    local $ENV{WEIR} = $real;
    my @before = $w->children;
    my $r = upgrade($w);
    is($r->{exit}, 1, "a new program that $what: exit 1");
    like($r->{err}, $why, 'and why');
    is(pid_of($w), $w->pid, 'the pid file names the old master');
    is_deeply([$w->children], \@before, 'whose processes stay');
    is($w->get('http', '/')->{body}, "one\n", 'and serve');
    install($w, $real);
    my $pid = $w->pid;
    is(upgrade($w)->{exit}, 0, 'a good program is accepted afterwards');
    isnt(pid_of($w), $pid, 'and has taken over');
    ok(eventually(sub { $w->_ended }), 'the old one has ended');
    end_ok($w, 'so does the new one');
}

# ---- what a failed new program has started ends with it
{
    my $w = weir();
    local $ENV{WEIR} = install($w, $real);
    start_up($w);
    broken($w, "#!/bin/sh\nsleep 1000 &\necho \$! > ${\ $w->dir}/left\nexit 3\n");
    local $ENV{WEIR} = $real;
    is(upgrade($w)->{exit}, 1, 'a new program that leaves another behind: exit 1');
    my ($left) = $w->read('left') =~ /(\d+)/;
    ok(eventually(sub { gone($left) }), 'that one is ended too');
    is($w->get('http', '/')->{body}, "one\n", 'the old master serves');
    $w->allow(qr/Upgrade failed/);
    $w->stop_ok;
}

# ---- a new program that is given the pid file and ends then
{
    my $w = weir();
    local $ENV{WEIR} = install($w, $real);
    start_up($w);
    broken($w, <<"PROGRAM");
#!$^X
open my \$list, '<&=', \$ENV{WEIR_UPGRADE} or die;
seek \$list, 0, 0;
my (\$peer) = map { /\\Apeer (\\d+)/ ? \$1 : () } <\$list>;
open my \$socket, '+<&=', \$peer or die;
syswrite \$socket, 'R';
sysread \$socket, my \$answer, 10;
open my \$out, '>', '${\ $w->dir}/answer' or die;
print {\$out} \$answer;
PROGRAM
    local $ENV{WEIR} = $real;
    my $r = upgrade($w);
    is($w->read('answer'), 'K', 'the old master lets go of the pid file');
    is($r->{exit}, 1, 'a new master that ends then: exit 1');
    is(pid_of($w), $w->pid, 'the pid file names the old master');
    like($w->run('-c', $w->dir . '/weir.conf')->{err}, qr/is the master already/, 'which has locked it again');
    is($w->get('http', '/')->{body}, "one\n", 'and serves');
    is($w->run('-c', $w->dir . '/weir.conf', '-s', 'reload')->{exit}, 0, 'and reloads');
    $w->allow(qr/Upgrade failed/);
    $w->stop_ok;
}

# ---- a configuration that the new program refuses
{
    my $w = weir();
    local $ENV{WEIR} = install($w, $real);
    start_up($w);
    $w->conf(conf(top => 'no_such_setting = 1;'));
    my $r = upgrade($w);
    is($r->{exit}, 1, 'a bad configuration: exit 1');
    like($r->{err}, qr/no_such_setting/, 'and why');
    is(pid_of($w), $w->pid, 'the old master stays');
    is($w->get('http', '/')->{body}, "one\n", 'and serves');
    $w->conf(conf(body => 'two'));
    is($w->run('-c', $w->dir . '/weir.conf', '-s', 'reload')->{exit}, 0, 'and reloads');
    $w->allow(qr/no_such_setting/);
    $w->stop_ok;
}

# ---- a new master that is killed before it is through
{
    my $w = weir();
    local $ENV{WEIR} = install($w, $real);
    start_up($w);
    broken($w, "#!/bin/sh\nexec sleep 1000\n");
    local $ENV{WEIR} = $real;
    my $pid = $w->pid;
    my %before = map { $_ => 1 } $w->children;
    $w->signal('USR2');
    my $new;
    ok(eventually(sub { ($new) = grep { !$before{$_} } master_kids($pid); $new }), 'a new program is started');
    my $r = $w->run('-c', $w->dir . '/weir.conf', '-s', 'reload');
    is($r->{exit}, 1, 'no reload during an upgrade');
    like($r->{err}, qr/upgrade is under way/, 'in words');
    kill KILL => $new;
    ok($w->wait_log(qr/Upgrade failed, process $pid serves on/), 'its end is noticed');
    is($w->get('http', '/')->{body}, "one\n", 'the old one serves');
    $w->allow(qr/Upgrade failed/, qr/reload refused/);
    $w->stop_ok;
}

done_testing;
