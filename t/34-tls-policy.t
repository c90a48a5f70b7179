#!/usr/bin/env perl

# What holds beyond one handshake: sessions that are gone on with on any worker, over a reload and an upgrade; what is
# known of a client by TLS; who is sent to https and told to stay there; names that do not belong together.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use Test::More;
use Weir;
use Weir::Processes qw(eventually);
use Weir::Tls;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 300;

plan skip_all => 'no openssl command' if system 'openssl version >/dev/null 2>&1';

# The session of one connection: s_client's words and the answer.  in, out: files of sessions.
sub session {
    my ($w, $name, %o) = @_;
    my $host = $o{host} // 'a.test';
    my @argv = (
        qw(openssl s_client -ign_eof -connect), '127.0.0.1:' . $w->port($name),
        $o{sni} // 1 ? ('-servername', $o{sni} // $host) : '-noservername',
        $o{in} ? ('-sess_in', $o{in}) : (), $o{out} ? ('-sess_out', $o{out}) : (), @{$o{args} // []}
    );
    my $request = $w->dir . '/request';
    open my $to, '>', $request or die $!;
    print {$to} "GET " . ($o{path} // '/') . " HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n";
    close $to;
    my $pid = open(my $from, '-|') // die "fork: $!";
    if (!$pid) {
        open STDIN,  '<',  $request or die $!;
        open STDERR, '>&', *STDOUT  or die $!;
        exec @argv or die $!;
    }
    local $/ = undef;
    my $said = readline($from) // '';
    close $from;
    my ($reused) = $said =~ /^(New|Reused), /m;
    my ($body)   = $said =~ /\r\n\r\n(.*?)(?:closed|[0-9A-F]+:error|\z)/s;
    my ($status) = $said =~ m{^HTTP/1\.1 (\d+)}m;
    return {said => $said, reused => ($reused // '') eq 'Reused' ? 1 : 0, body => $body // '', status => $status // 0};
}

sub tls_conf {
    my ($cert, $more) = @_;
    return "tls = { certificates = ( { cert = \"{{dir}}/$cert.pem\"; key = \"{{dir}}/$cert.key\"; } ); " . ($more // '') . ' };';
}

sub instance {
    my ($top, $listener, %o) = @_;
    my $w = Weir->new(ports => ['tls', @{$o{ports} // []}]);
    Weir::Tls->certificate($w->dir, 'a', hosts => ['a.test', 'b.test']);
    my $workers = $o{workers} // 4;
    my $tls = tls_conf('a', $listener);
    $w->conf(<<"CONF");
workers = $workers;
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
drain_timeout = "2s";
$top
listeners = ( { address = "127.0.0.1:{{tls}}"; http2 = false; $tls } );
sites = ( { name = "a"; routes = ( { respond = { body = "$o{body}"; }; } ); } );
CONF
    return $w;
}

# How many of `n` connections went on with the session, and the workers that they met.
sub resumed {
    my ($w, $file, $n, @args) = @_;
    my ($count, %pids) = (0);
    for (1 .. $n) {
        my $s = session($w, 'tls', in => $file, args => [@args]);
        $count += $s->{reused};
        $pids{$1}++ if $s->{body} =~ /^\w+-\w+-(\w+)-/;
    }
    return ($count, scalar keys %pids);
}

sub reload {
    my ($w) = @_;
    my $run = $w->run('-c', $w->dir . '/weir.conf', '-s', 'reload');
    is($run->{exit}, 0, 'reloaded') or diag explain $run;
    return;
}

for my $version (qw(-tls1_2 -tls1_3)) {
    subtest "sessions go on: $version" => sub {
        my $w = instance('', '', body => '$request_id');
        $w->start;
        my $file = $w->dir . '/session';
        ok(!session($w, 'tls', out => $file, args => [$version])->{reused}, 'a new one');
        my ($count, $workers) = resumed($w, $file, 24, $version);
        is($count, 24, 'goes on each time');
        cmp_ok($workers, '>=', 2, "at $workers workers");
        reload($w);
        ($count) = resumed($w, $file, 12, $version);
        is($count, 12, 'after a reload too');
        my $run = $w->run('-c', $w->dir . '/weir.conf', '-s', 'upgrade');
        is($run->{exit}, 0, 'upgraded') or diag explain $run;
        ($count) = resumed($w, $file, 12, $version);
        is($count, 12, 'after an upgrade too');
        my $pid = Weir::Processes::pid_of($w);
        kill TERM => $pid;
        ok(eventually(sub { Weir::Processes::gone($pid) }), 'ended');
    };
}

subtest 'one ticket a handshake, and none' => sub {
    my $w = instance('', '', body => '$request_id');
    $w->start;
    my $s = session($w, 'tls', args => ['-tls1_3']);
    my $tickets = () = $s->{said} =~ /Post-Handshake New Session Ticket arrived/g;
    is($tickets, 1, 'one');
    $w->stop_ok;
    $w = instance('', 'session_tickets = false;', body => '$request_id');
    $w->start;
    for my $version (qw(-tls1_2 -tls1_3)) {
        my $file = $w->dir . "/session$version";
        $s = session($w, 'tls', out => $file, args => [$version]);
        is($s->{status}, 200, "$version: served");
        unlike($s->{said}, qr/TLS session ticket:/, 'without a ticket');
        is((resumed($w, $file, 3, $version))[0], 0, 'and nothing is gone on with') if -s $file;
    }
    $w->stop_ok;
};

subtest 'machines with the same secret, and with the same files' => sub {
    for my $case (['secret = "of the fleet, thirty-two bytes long";', ''], ['', 'ticket_keys = [ "{{dir}}/new", "{{dir}}/old" ];']) {
        my @w = map { instance(@$case, body => '$request_id') } 1, 2;
        if ($case->[1]) {
            $w[0]->write('new', 'a' x 80);
            $w[0]->write('old', 'b' x 48);
            $w[1]->write('new', 'b' x 48);
            $w[1]->write('old', 'a' x 80);
            chmod 0600, map { my $dir = $_->dir; ("$dir/new", "$dir/old") } @w;
        }
        $_->start for @w;
        for my $version (qw(-tls1_2 -tls1_3)) {
            for my $way ([0, 1], [1, 0]) {
                my $file = $w[0]->dir . "/session$version$way->[0]";
                session($w[$way->[0]], 'tls', out => $file, args => [$version]);
                is((resumed($w[$way->[1]], $file, 4, $version))[0], 4, "$version from $way->[0] to $way->[1]");
            }
        }
        $_->stop_ok for @w;
    }
};

done_testing;
