#!/usr/bin/env perl

# gRPC through Weir, from HTTP/2 to HTTP/2: messages, trailers, deadlines, and what a call is told
# where its server cannot be had or says that it is of no use.

use strict;
use warnings;
use FindBin qw($Bin);
use Fcntl qw(O_APPEND O_CREAT O_WRONLY);
use IO::Socket::INET;
use lib "$Bin/lib";
use Test::More;
use Time::HiRes qw(time);
use Weir;
use Weir::Fake;
use Weir::H2Peer qw(DATA HEADERS RST_STREAM);

my $w = Weir->new(ports => [qw(http one two dead)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; http2 = true; } );
defaults = {
  access_log = { path = "{{dir}}/access.log"; format = "json"; fields = [ "path", "status", "grpc_status", "error" ]; };
};
upstreams = (
  { name = "one"; protocol = "h2"; servers = ( { address = "127.0.0.1:{{one}}"; } ); },
  { name = "first"; protocol = "h2"; servers = ( { address = "127.0.0.1:{{one}}"; },
    { address = "127.0.0.1:{{two}}"; backup = true; } ); },
  { name = "ejected"; protocol = "h2"; passive = { errors = 2; pause = "60s"; };
    servers = ( { address = "127.0.0.1:{{one}}"; }, { address = "127.0.0.1:{{two}}"; backup = true; } ); }
);
sites = ( { name = "all"; routes = (
  { prefix = "/dead"; proxy = "grpc://127.0.0.1:{{dead}}"; },
  { prefix = "/again"; proxy = "first"; retry = { on = [ "503" ]; replay = "always"; }; },
  { prefix = "/ejected"; proxy = "ejected"; },
  { prefix = "/denied"; respond = { status = 403; }; },
  { prefix = "/slow"; proxy = "one"; timeouts = { read = "300ms"; }; },
  { prefix = "/e."; proxy = "one"; } ); } );
CONF

sub message { my ($text) = @_; return pack 'CNa*', 0, length $text, $text }

# Messages of a body.
sub messages {
    my ($body) = @_;
    my @all;
    while (length $body >= 5) {
        my ($packed, $len) = unpack 'CN', $body;
        push @all, substr $body, 5, $len;
        substr $body, 0, 5 + $len, '';
    }
    return @all, (length $body ? "and $body" : ());
}

my @type = ('content-type' => 'application/grpc');

# By the last part of the path: Echo gives each message back as it comes.
sub serve {
    my ($name) = @_;
    return sub {
        my ($sock) = @_;
        my $h = Weir::H2Peer->server($sock) or return;
        my %call;
        while (my $f = $h->next) {
            my $s = $f->{stream};
            if ($f->{type} == HEADERS) {
                my ($what) = $f->{fields}{':path'} =~ m{([^/]+)\z};
                $call{$s} = $what;
                sysopen my $out, $w->dir . '/seen', O_APPEND | O_CREAT | O_WRONLY or die "seen: $!";
                syswrite $out, join(' ', $name, $what, map { $f->{fields}{$_} // '-' } qw(te grpc-timeout content-type)) . "\n";
                next if $what eq 'Hang';
                if ($what eq 'Unavailable' && $name eq 'one') {
                    $h->headers($s, [':status' => 200, @type, 'grpc-status' => 14, 'grpc-message' => 'later'], 1);
                    delete $call{$s};
                } elsif ($what eq 'Late' && $name eq 'one') {
                    $h->headers($s, [':status' => 200, @type]);
                    $h->headers($s, ['grpc-status' => 14], 1);
                    delete $call{$s};
                } else {
                    $h->headers($s, [':status' => 200, @type, 'x-server' => $name]);
                }
            } elsif ($f->{type} == DATA && ($call{$s} // 'Hang') ne 'Hang') {
                $h->data($s, $f->{payload}) if length $f->{payload};
                next if $call{$s} eq 'Hold';
                $h->headers($s, ['grpc-status' => 0, 'grpc-message' => 'well', 'x-last' => 'yes'], 1) if $f->{end};
            } elsif ($f->{type} == RST_STREAM) {
                sysopen my $out, $w->dir . '/seen', O_APPEND | O_CREAT | O_WRONLY or die "seen: $!";
                syswrite $out, "$name reset " . unpack('N', $f->{payload}) . "\n";
            }
        }
        return;
    };
}

sub seen {
    my ($pattern) = @_;
    open my $in, '<', $w->dir . '/seen' or return;
    my @lines = grep { /$pattern/ } <$in>;
    return @lines;
}

my @servers = map { Weir::Fake->start(port => $w->port($_), serve => serve($_)) } qw(one two);
$w->start;
$w->allow(qr/upstream|client/);

sub client {
    my $sock = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $w->port('http')) or die "connect: $!";
    return Weir::H2Peer->client($sock);
}

my @call = (te => 'trailers', @type);

# One message to PATH, on a connection of its own.
sub unary {
    my ($path, @fields) = @_;
    my $h = client();
    my $s = $h->post($path, [@call, @fields]);
    $h->data($s, message('hello'), 1);
    return $h->answer($s) // {};
}

alarm 60;

subtest 'one message' => sub {
    my $r = unary('/e.E/Echo', 'grpc-timeout' => '10S');
    is $r->{head}{':status'}, 200, 'answered';
    is_deeply [messages($r->{body})], ['hello'], 'with its message';
    is $r->{trailers}{'grpc-status'}, 0, 'and its status in the trailers';
    is $r->{trailers}{'x-last'}, 'yes', 'of which none is lost';
    like +(seen(qr/^one Echo/))[0], qr{^one Echo trailers 10S application/grpc$}, 'the server is told what the client wants';
};

subtest 'a stream each way' => sub {
    my $h = client();
    my $s = $h->post('/e.E/Echo', [@call]);
    my $got = '';
    for my $n (1 .. 5) {
        $h->data($s, message("message $n"));
        my $f;
        do { $f = $h->next } while $f && !($f->{type} == DATA && length $f->{payload});
        $got = $f ? $f->{payload} : '';
        is_deeply [messages($got)], ["message $n"], "message $n comes back before the next is sent";
    }
    $h->data($s, '', 1);
    is $h->answer($s)->{head}{'grpc-status'}, 0, 'and the end comes after all';
};

subtest 'many calls at once' => sub {
    my $h = client();
    my @s = map { $h->post('/e.E/Echo', [@call]) } 1 .. 50;
    $h->data($s[$_], message("call $_"), 1) for 0 .. $#s;
    my (%body, %status);
    while (keys %status < @s) {
        my $f = $h->next or last;
        $body{$f->{stream}} .= $f->{payload} if $f->{type} == DATA;
        $status{$f->{stream}} = $f->{fields}{'grpc-status'} if $f->{type} == HEADERS && $f->{end};
    }
    is scalar(grep { ($status{$s[$_]} // -1) == 0 && "@{[messages($body{$s[$_]})]}" eq "call $_" } 0 .. $#s), 50, 'each gets its own';
};

subtest 'servers that cannot be had' => sub {
    my $r = unary('/dead/Echo');
    is $r->{head}{':status'}, 200, 'no server: the transport worked';
    is $r->{head}{'grpc-status'}, 14, 'the call did not: UNAVAILABLE';
    is $r->{head}{'content-type'}, 'application/grpc', 'as gRPC';
    ok length $r->{head}{'grpc-message'}, 'with a reason';
    is unary('/nowhere')->{head}{'grpc-status'}, 12, 'no route: UNIMPLEMENTED';
    is unary('/slow/Hang')->{head}{'grpc-status'}, 4, 'a server that is silent: DEADLINE_EXCEEDED';
    my $t = time;
    $r = unary('/e.E/Hang', 'grpc-timeout' => '300m');
    is $r->{head}{'grpc-status'}, 4, 'the deadline of the call';
    cmp_ok time - $t, '<', 10, 'is kept, though the timeouts are longer';
    ok Weir::wait_for(sub { seen(qr/^one reset 8/) }), 'and the server is told that nobody waits';
    $r = unary('/e.E/Hold', 'grpc-timeout' => '300m');
    is $r->{trailers}{'grpc-status'}, 4, 'it passes in the middle of the answer: the trailers say so';
    is_deeply [messages($r->{body})], ['hello'], 'behind what has come';
    is $r->{reset}, undef, 'nothing is reset';
    my $h = client();
    my $s = $h->post('/e.E/Hold', [@type, 'grpc-timeout' => '300m']);
    $h->data($s, message('hello'), 1);
    is $h->answer($s)->{reset}, 2, 'but where no trailers are wanted';
    $s = $h->post('/e.E/Hold', [@call, 'grpc-timeout' => '300m']);
    $h->data($s, message('hello'));
    $r = $h->answer($s);
    is $r->{trailers}{'grpc-status'}, 4, 'also when the client has more to send';
    my $plain = $w->get('http', '/dead/x');
    is $plain->{status}, 502, 'what is no gRPC gets the status of HTTP';
};

subtest 'UNAVAILABLE' => sub {
    is unary('/e.E/Unavailable')->{head}{'grpc-status'}, 14, 'is passed on';
    is unary('/again/Unavailable')->{trailers}{'grpc-status'}, 0, 'is tried elsewhere where 503 would be';
    is unary('/ejected/Unavailable')->{head}{'grpc-status'}, 14, 'counts once';
    is unary('/ejected/Late')->{trailers}{'grpc-status'}, 14, 'twice, here in the trailers';
    is unary('/ejected/Unavailable')->{head}{'x-server'}, 'two', 'and the server is ejected';
};

my $log = $w->read('access.log');
like $log, qr/"path":"\/e.E\/Echo","status":200,"grpc_status":0,"error":null/, 'the log has how calls ended';
like $log, qr/"path":"\/dead\/Echo","status":200,"grpc_status":14,"error":"connection_refused"/, 'and why';
$w->stop_ok;
done_testing;
