#!/usr/bin/env perl

# One machine is not enough: contrib/keepalived and contrib/lvs as they are shipped, on
# machines that are network namespaces of this test. The address moves, and visitors go on;
# how long they were without an answer is printed, and is no reason to fail.

use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use IO::Socket::INET;
use lib "$Bin/lib";
use POSIX ();
use Test::More;
use Weir;
use Weir::Net;
use Weir::Visitor;

my $contrib = "$Bin/../contrib";
my $dir     = tempdir(CLEANUP => !$ENV{WEIR_KEEP});
my @pair    = qw(one two);
my %address = (one => '10.99.1.11', two => '10.99.1.12');
my $shared  = '10.99.1.100';
my $check   = "$dir/weir-check";
my $late    = 30;                                            # seconds for anything to happen
local $SIG{ALRM} = sub { die "the pair takes too long\n" };
alarm 400;
chmod 0755, $dir;    # keepalived runs the check as nobody

sub in_path { my ($name) = @_; return (grep { -x "$_/$name" } split /:/, $ENV{PATH} // '')[0] }

sub text_of {
    my ($file) = @_;
    open my $fh, '<', $file or die "$file: $!\n";
    return do { local $/; readline $fh };
}

sub write_file {
    my ($file, $text) = @_;
    open my $fh, '>', $file or die "$file: $!\n";
    print {$fh} $text;
    close $fh or die "$file: $!\n";
    return $file;
}

for my $name (qw(weir-check weir-notify)) {
    chmod 0755, write_file("$dir/$name", text_of("$contrib/keepalived/$name"));
}

# The port of a server that gives these answers, one for each connection, and ends.
sub answers {
    my (@status) = @_;
    my $listen = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die "listen: $!\n";
    my $pid = fork // die "fork: $!\n";
    return $listen->sockport if $pid;
    $SIG{ALRM} = 'DEFAULT';
    alarm $late;
    for my $status (@status) {
        my $c = $listen->accept or last;
        my $request = '';
        while ($request !~ /\r\n\r\n\z/) {
            sysread $c, $request, 4096, length $request or last;
        }
        syswrite $c, "HTTP/1.1 $status Well\r\nContent-Length: 0\r\n\r\n";
    }
    POSIX::_exit(0);
}

# ---- the check by itself: what is not Weir, and what never answers
SKIP: {
    skip 'no bash or timeout here', 7 if !in_path('bash') || !in_path('timeout');
    my $says = sub {
        my ($port, @more) = @_;
        my $status;
        my $pid = fork // die "fork: $!\n";
        exec $check, '127.0.0.1', $port, @more if !$pid;
        my $done = Weir::wait_for(sub { $status = $?, 1 if waitpid($pid, POSIX::WNOHANG()) == $pid }, $late);
        kill KILL => $pid if !$done;
        return $done ? $status : 'late';
    };
    my $deaf = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5) or die "listen: $!\n";
    isnt($says->(Weir::free_port()), 0, 'check: nobody is there');
    like($says->($deaf->sockport), qr/\A[1-9]\d*\z/, 'check: one who never answers is not waited for');
    my $other = Weir->new(ports => ['http'], conf => <<'CONF');
error_log = { path = "{{dir}}/error.log"; };
listeners = ( "127.0.0.1:{{http}}" );
sites = ( { routes = ( { exact = "/health"; respond = 503; }, { prefix = "/"; respond = 200; } ); } );
CONF
    $other->start;
    isnt($says->($other->port('http')), 0, 'check: another answer than 200');
    isnt($says->($other->port('http'), 1), 0, 'check: also when asked once');
    $other->stop_ok;
    is($says->(answers(200, 200, 503, 200)), 0, 'check: one bad answer is none');
    is($says->(answers(200, 200, 200, 503)), 0, 'check: nor is it as the last one');
    isnt($says->(answers(200, 503, 503)), 0, 'check: two in a row');
}

# ---- the machines

my $net = Weir::Net->new;
if (!$net) {
    SKIP: { skip(Weir::Net->why(), 1) }
    done_testing();
    exit 0;
}
$net->machine(client => '10.99.1.2');
$net->machine($_ => $address{$_}) for @pair;

# Weir of a machine: conf/examples/ha-pair.conf, answering with the machine's name.
sub weir {
    my ($name) = @_;
    my $text = text_of("$Bin/../conf/examples/ha-pair.conf");
    $text =~ s/proxy = "farm"/respond = { status = 200; body = "$name"; }/ or die "another example\n";
    return Weir->new(via => [$net->in($name)], up => sub { -s "$_[0]{dir}/pid" }, conf => <<"CONF" . $text);
workers = 2;
pid_file = "{{dir}}/pid";
control = "unix:{{dir}}/control";
state_dir = "{{dir}}";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
CONF
}

my %weir = map { $_ => weir($_) } @pair;

sub start_weir {
    my ($name) = @_;
    unlink "$weir{$name}{dir}/pid";
    return $weir{$name}->start;
}

my %visitor;    # how => file

sub start_visitors {
    my ($host) = @_;
    %visitor = map { $_ => "$dir/visitor-$host-$_" } qw(new kept);
    return map {
        $net->start(client => "$dir/visitor.err", $^X, "-I$Bin/lib", '-MWeir::Visitor', '-e',
            'Weir::Visitor::run(@ARGV)', $host, 8080, $_, $visitor{$_})
    } sort keys %visitor;
}

# Waits until both visitors are well since TIME: 30 good answers in a row, and ok(HOW, COUNT).
sub visitors_well {
    my ($since, $ok) = @_;
    return Weir::wait_for(sub {
        for my $how (keys %visitor) {
            my $count = Weir::Visitor::well($visitor{$how}, $since, 30) or return 0;
            return 0 if $ok && !$ok->($how, $count);
        }
        return 1;
    }, $late);
}

sub served_by { my ($name) = @_; return sub { my ($how, $count) = @_; return ($count->{$name} // 0) == 30 } }

sub print_gaps {
    my ($label, $since) = @_;
    my @text = map {
        my ($ms, $bad) = Weir::Visitor::gap($visitor{$_}, $since);
        "$_ connections $ms ms ($bad failed)"
    } reverse sort keys %visitor;
    diag("$label: longest gap: " . join ', ', @text);
    return;
}

sub tell_all {
    for my $name (@pair) {
        diag("$name: ", -e "$dir/$name.log" ? text_of("$dir/$name.log") : '', $weir{$name}->log_lines);
    }
    diag(`tail -n 5 $dir/visitor-*`);
    return;
}

sub other { my ($name) = @_; return $name eq 'one' ? 'two' : 'one' }

# ---- keepalived

sub keepalived_conf {
    my ($file) = @_;
    my $text = text_of("$contrib/$file");
    $text =~ s{/etc/keepalived/}{$dir/}g;
    $text =~ s/interface eth0/interface e0/g;
    $text =~ s/192\.0\.2\.10\b/$shared/g;
    $text =~ s/192\.0\.2\.1([12])\b/10.99.1.1$1/g;
    $text =~ s/(127\.0\.0\.1) 80\b/$1 8080/g;
    return $text;
}

my %keepalived;

sub start_keepalived {
    my ($name) = @_;
    my $id = $name eq 'one' ? 'weir1' : 'weir2';
    unlink "$dir/$name.pid", "$dir/$name.vrrp.pid";    # of one that was killed and not yet reaped
    $keepalived{$name} = $net->start($name => "$dir/$name.log", qw(keepalived --dont-fork --log-console
        --no-syslog --log-detail --vrrp --config-id), $id, '-f', "$dir/$name.conf",
        '-p', "$dir/$name.pid", '-r', "$dir/$name.vrrp.pid");
    return;
}

sub holders { return grep { $net->has($_, $shared) } @pair }
sub holder { return Weir::wait_for(sub { my @h = holders(); @h == 1 ? $h[0] : 0 }, $late) // '' }

# Something happens to the machine that has the address: the other one gets it, and answers.
sub moves {
    my ($label, $do, $undo) = @_;
    my $from = holder();
    my $to   = other($from);
    my $at   = Weir::Visitor::now();
    $do->($from);
    ok(Weir::wait_for(sub { $net->has($to, $shared) }, $late), "$label: the address moves from $from to $to");
    ok(visitors_well($at, served_by($to)), "$label: and requests succeed there") or tell_all();
    print_gaps($label, $at);
    $at = Weir::Visitor::now();
    $undo->($from);
    my $now = holder();
    isnt($now, '', "$label, undone: one machine has the address");
    ok(visitors_well($at, served_by($now)), "$label, undone: and requests succeed") or tell_all();
    print_gaps("$label, undone" . ($now eq $to ? '' : ' (it went back)'), $at);
    return $now eq $to;
}

# The last one in the log of keepalived from this offset on; 0: none.
sub priority_of {
    my ($name, $from) = @_;
    my $text = substr text_of("$dir/$name.log"), $from // 0;
    return (reverse $text =~ /effective priority from \d+ to (\d+)/g)[0] // 0;
}

# True once keepalived of the machine has its priority of old again.
sub as_before {
    my ($name, $from) = @_;
    return Weir::wait_for(sub {
        return priority_of($name, $from) == 100;
    }, $late);
}

SKIP: {
    skip 'no keepalived here', 1 if !in_path('keepalived');
    skip 'no bash or timeout here, for the check', 1 if !in_path('bash') || !in_path('timeout');
    for my $name (@pair) {
        my $text = keepalived_conf('keepalived/keepalived.conf');
        $text =~ s{/run/weir-leave}{$dir/$name.leave}g;
        write_file("$dir/$name.conf", $text);
        start_weir($name);
    }
    start_keepalived($_) for @pair;
    my $first = holder();
    isnt($first, '', 'one of the two has the address') or tell_all();
    unlike(text_of("$dir/one.log"), qr/unknown|ignoring|warning|unsafe|disabled/i,
        'no complaint about the file');
    my @visitors = start_visitors($shared);
    ok(visitors_well(0, served_by($first)), 'visitors are answered') or tell_all();
    my $mark;
    my $marked = sub { my ($name) = @_; $mark = -s "$dir/$name.log" };

    ok(moves('asked to leave',
        sub { my ($name) = @_; $marked->($name); write_file("$dir/$name.leave", "1\n") },
        sub { my ($name) = @_; write_file("$dir/$name.leave", "0\n"); as_before($name, $mark) }),
        'it stays there when the other one is back');

    ok(moves('Weir killed',
        sub { my ($name) = @_; $marked->($name); $weir{$name}->kill },
        sub { my ($name) = @_; start_weir($name); as_before($name, $mark) }),
        'it stays there when the other one is well again');

    moves('Weir does not move',
        sub { my ($name) = @_; $marked->($name); kill STOP => $weir{$name}->pid, $weir{$name}->children },
        sub {
            my ($name) = @_;
            $weir{$name}->kill;
            start_weir($name);
            as_before($name, $mark);
        });

    moves('link down', sub { $net->link($_[0], 'down') }, sub { $net->link($_[0], 'up') });

    # Both believe that they have it until the link is back. Then it goes to the one with the higher
    # address: in the second turn, if not in the first, away from the one that visitors use.
    moves("network lost without a word ($_)", sub { $net->unplug($_[0]) }, sub { $net->plug($_[0]) })
        for 'first', 'again';

    # Its address stays on the interface of the dead one, until keepalived is started again there.
    moves('keepalived killed',
        sub { $net->end($keepalived{$_[0]}, 'KILL') },
        sub { start_keepalived($_[0]) });

    # A check that fails everywhere must not take the address away.
    $weir{$_}->kill for @pair;
    ok(Weir::wait_for(sub { 2 == grep { priority_of($_) == 80 } @pair }, $late), 'both are not well')
        or tell_all();
    isnt(holder(), '', 'one has the address all the same') or tell_all();
    my $at = Weir::Visitor::now();
    start_weir($_) for @pair;
    ok(visitors_well($at), 'and when they are back requests succeed') or tell_all();

    $net->end($_) for @visitors;
    $net->end($keepalived{$_}) for @pair;
    is_deeply([holders()], [], 'keepalived takes the address with it');
    is(text_of("$dir/visitor.err"), '', 'the visitors had nothing else to say');
}

# ---- several machines at once behind one address

# One machine goes and comes back: visitors are answered by the other, then by both.
sub shared_out {
    my ($label) = @_;
    my $both = sub { my ($how, $count) = @_; return $how eq 'kept' || 2 == keys %$count };
    ok(visitors_well(0, $both), "$label: both machines answer") or tell_all();
    my $at = Weir::Visitor::now();
    $weir{one}->kill;
    ok(visitors_well($at, served_by('two')), "$label: one is killed, the other answers all") or tell_all();
    print_gaps("$label: one of two killed", $at);
    $at = Weir::Visitor::now();
    start_weir('one');
    ok(visitors_well($at, $both), "$label: both again") or tell_all();
    print_gaps("$label: back", $at);
    return;
}

# The address on the machines themselves, as contrib/lvs/README has it, and the way to it.
sub share {
    my ($vip) = @_;
    for my $name (@pair) {
        $net->run($name => qw(sysctl -q -w net.ipv4.conf.all.arp_ignore=1 net.ipv4.conf.all.arp_announce=2));
        $net->ip($name => qw(addr add), "$vip/32", qw(dev lo));
        start_weir($name) if !$weir{$name}->pid;
    }
    $net->ip(client => qw(route replace), "$vip/32", qw(via 10.99.1.1));
    return;
}

SKIP: {
    skip 'no keepalived or ipvsadm here', 1 if !in_path('keepalived') || !in_path('ipvsadm');
    skip 'this kernel has no LVS (ip_vs)', 1 if !$net->run(lan => qw(ipvsadm -L -n));
    my $vip = '10.98.0.2';
    share($vip);
    $net->ip(lan => qw(addr add), "$vip/32", qw(dev lo));
    my $text = keepalived_conf('lvs/keepalived.conf') =~ s/\Q$shared\E\b/$vip/gr;
    $text =~ s/^vrrp_instance .*?^}\n//ms or die "another file\n";
    $text =~ s/((?:virtual|real)_server \S+) 80\b/$1 8080/g;
    write_file("$dir/lvs.conf", $text);
    my $director = $net->start(lan => "$dir/lvs.log", qw(keepalived --dont-fork --log-console --no-syslog
        --log-detail --check -f), "$dir/lvs.conf", '-p', "$dir/lvs.pid", '-c', "$dir/lvs.check.pid");
    my @visitors = start_visitors($vip);
    shared_out('LVS');
    $net->end($_) for @visitors, $director;
    $net->ip(lan => qw(addr del), "$vip/32", qw(dev lo));
}

SKIP: {
    skip 'no bash, timeout or sysctl here', 1 if grep { !in_path($_) } qw(bash timeout sysctl);
    my $vip = '10.98.0.1';
    skip 'this kernel has no resilient next hops', 1
        if !$net->ip(lan => qw(nexthop add id 1 via 10.99.1.11 dev br0))
        || !$net->ip(lan => qw(nexthop add id 2 group 1 type resilient buckets 8));
    $net->ip(lan => qw(nexthop del id), $_) for 2, 1;
    share($vip);
    $net->run(lan => qw(sysctl -q -w net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0
        net.ipv4.conf.br0.send_redirects=0));
    my $router = $net->start(lan => "$dir/ecmp.log", 'env', "CHECK=$check", "$contrib/lvs/ecmp-route",
        $vip, 'br0', 8080, @address{@pair});
    my @visitors = start_visitors($vip);
    shared_out('ECMP');
    $net->end($_) for @visitors, $router;
    like(text_of("$dir/ecmp.log"), qr{to 701/702\n.*to 702\n.*to 701/702\n\z}s,
        'ECMP: the router says what it does');
}

for my $name (@pair) {
    next if !$weir{$name}->pid;
    $weir{$name}->allow(qr/the master is gone/);
    $weir{$name}->stop_ok(undef, "Weir on $name stopped clean");
}
$net->close;
done_testing();
