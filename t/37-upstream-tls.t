#!/usr/bin/env perl

# TLS towards servers: what of their certificates is believed and what not, what is told of each failure, sessions
# that are gone on with, large bodies both ways, and the PROXY header. Another Weir speaks TLS in front of the servers.

use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use FindBin qw($Bin);
use IO::Select;
use IO::Socket::INET;
use JSON::PP qw(decode_json);
use lib "$Bin/lib";
use Test::More;
use Time::HiRes qw(sleep time);
use Weir;
use Weir::Client qw(header request_bytes);
use Weir::Fake;

my ($openssl) = grep { -x && !-d } map { "$_/openssl" } split /:/, $ENV{PATH} // '';
plan skip_all => 'no openssl' if !$openssl;
local $SIG{ALRM} = sub { die "TLS towards servers takes too long\n" };
alarm 240;

# ---- the servers: {inner} has TLS and goes to {app} in the clear

my $inner = Weir->new(ports => [qw(good other expired self client plain app)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
control = "unix:{{dir}}/control.sock";
state_dir = "{{dir}}/state";
listeners = (
  { address = "127.0.0.1:{{good}}"; tls = { certificates = ( { cert = "app.pem"; key = "app.key"; } ); }; },
  { address = "127.0.0.1:{{other}}"; tls = { certificates = ( { cert = "other.pem"; key = "other.key"; } ); }; },
  { address = "127.0.0.1:{{expired}}"; tls = { certificates = ( { cert = "expired.pem"; key = "expired.key"; } ); }; },
  { address = "127.0.0.1:{{self}}"; tls = { certificates = ( { cert = "self.pem"; key = "self.key"; } ); }; },
  { address = "127.0.0.1:{{client}}";
    tls = { certificates = ( { cert = "app.pem"; key = "app.key"; } ); client_ca = "ca.pem"; client_verify = "required"; }; },
  "127.0.0.1:{{plain}}"
);
sites = ( { name = "s"; request_body = { max_size = "100m"; buffer = "stream"; };
  routes = ( { prefix = "/"; proxy = "http://127.0.0.1:{{app}}"; }, { exact = "/host"; respond = { status = 200; body = "$host"; }; } ); } );
CONF
my $dir = $inner->dir;

sub openssl { return 0 == system "cd $dir && $openssl $_[0] >/dev/null 2>&1" }
my $new = '-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes';

sub certificate {
    my ($name, $alt, $days) = @_;
    $inner->write("$name.ext", "subjectAltName=$alt\n");
    return openssl("req $new -keyout $name.key -out $name.csr -subj /CN=$name")
        && openssl("x509 -req -in $name.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out $name.pem -extfile $name.ext $days");
}
my $made = openssl("req -x509 $new -keyout ca.key -out ca.pem -days 90 -subj /CN=authority")
    && openssl("req -x509 $new -keyout self.key -out self.pem -days 90 -subj /CN=app.test -addext subjectAltName=DNS:app.test")
    && certificate('app', 'DNS:app.test,IP:127.0.0.1', '-days 90')
    && certificate('other', 'DNS:other.test', '-days 90')
    && certificate('expired', 'DNS:app.test,IP:127.0.0.1', '-days -1');
plan skip_all => 'openssl makes no certificates' if !$made;
mkdir "$dir/state";
chmod 0777, "$dir/state";

# Bytes go through to a port of {inner}, each way; `cut` of those that come back, then the end; `head`: the PROXY header
# is taken off and noted; `reset` after so many bytes to the server.
sub relay {
    my ($sock, $to, %o) = @_;
    my $back = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $inner->port($to)) or return;
    my ($up, $down) = (0, 0);
    if ($o{head}) {
        my $head = '';
        sysread $sock, $head, 1, length $head while $head !~ ($o{head} == 1 ? qr/\r\n\z/ : qr/\A.{28}\z/s) && length $head < 200;
        open my $out, '>>', $o{file};
        syswrite $out, unpack('H*', $head) . "\n";
    }
    my $both = IO::Select->new($sock, $back);
    while (my @ready = $both->can_read(20)) {
        for my $from (@ready) {
            my $n = sysread $from, my $bytes, 65536 or return;
            my $for = $from == $sock ? $back : $sock;
            $up   += $n if $from == $sock;
            $down += $n if $from == $back;
            if ($o{reset} && $up > $o{reset}) {
                setsockopt $sock, Socket::SOL_SOCKET(), Socket::SO_LINGER(), pack 'ii', 1, 0;
                return;
            }
            for (my $at = 0; $at < $n;) {
                $at += syswrite($for, $bytes, $n - $at, $at) // return;
            }
        }
    }
    return;
}

my $big = join '', map { pack 'N', $_ * 2654435761 & 0xffffffff } 0 .. (4 << 20) - 1;
my $digest = sub {
    my ($conn, $req) = @_;
    my $text = join ' ', $req->{method}, sha1_hex($req->{body} // ''), length($req->{body} // '');
    $conn->send("HTTP/1.1 200 OK\r\nContent-Length: " . length($text) . "\r\n\r\n$text");
    return 1;
};
my $app = $inner->upstream('app', {
    '*'      => $digest,
    '/big'   => sub { $_[0]->send('HTTP/1.1 200 OK' . "\r\nContent-Length: " . length($big) . "\r\n\r\n$big"); return 1 },
    '/chunk' => sub { $_[0]->send("HTTP/1.1 200 OK\r\n\r\n$big"); return 0 },
    '/ws'    => 'websocket',
    '/health' => {do => 'fixed', body => 'well'},
}, brief => 1);
$inner->allow(qr/certificate in .* has expired/);
$inner->start;

# ---- the Weir that is looked at

my @names = qw(good named wrong ip expired self pinned unknown anybody nobody shown plain hang shut each two v1 v2 until checked);
my $routes = join '', map { "\n    { prefix = \"/$_/\"; strip_prefix = \"/$_\"; proxy = \"$_\"; }," } @names;
my $w = Weir->new(
    ports => [qw(http admin hang shut v1 v2 reset until)],
    fill  => {routes => $routes, inner => $dir, map { $_ => $inner->port($_) } qw(good other expired self client plain)},
    conf  => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
control = "unix:{{dir}}/control.sock";
state_dir = "{{dir}}/state";
listeners = ( { address = "127.0.0.1:{{http}}"; trusted = "127.0.0.9"; }, { address = "127.0.0.1:{{admin}}"; admin = true; } );
upstreams = (
  { name = "good"; tls = { ca = "{{inner}}/ca.pem"; }; servers = ( "127.0.0.1:{{good}}" ); },
  { name = "named"; tls = { ca = "{{inner}}/ca.pem"; sni = "app.test"; }; servers = ( "127.0.0.1:{{good}}" ); },
  { name = "wrong"; tls = { ca = "{{inner}}/ca.pem"; };
    servers = ( { address = "127.0.0.1:{{other}}"; tls = { sni = "app.test"; }; } ); },
  { name = "ip"; tls = { ca = "{{inner}}/ca.pem"; }; servers = ( "127.0.0.1:{{other}}" ); },
  { name = "expired"; tls = { ca = "{{inner}}/ca.pem"; }; servers = ( "127.0.0.1:{{expired}}" ); },
  { name = "self"; tls = { sni = "app.test"; ca = "{{inner}}/ca.pem"; }; servers = ( "127.0.0.1:{{self}}" ); },
  { name = "pinned"; tls = { sni = "app.test"; ca = "{{inner}}/self.pem"; }; servers = ( "127.0.0.1:{{self}}" ); },
  { name = "unknown"; tls = true; servers = ( "127.0.0.1:{{good}}" ); },
  { name = "anybody"; tls = { verify = false; }; servers = ( "127.0.0.1:{{self}}" ); },
  { name = "nobody"; tls = { ca = "{{inner}}/ca.pem"; }; servers = ( "127.0.0.1:{{client}}" ); },
  { name = "shown"; tls = { ca = "{{inner}}/ca.pem"; cert = "{{inner}}/other.pem"; key = "{{inner}}/other.key"; };
    servers = ( "127.0.0.1:{{client}}" ); },
  { name = "plain"; tls = { verify = false; }; servers = ( "127.0.0.1:{{plain}}" ); },
  { name = "hang"; tls = { verify = false; }; servers = ( "127.0.0.1:{{hang}}" ); },
  { name = "shut"; tls = { verify = false; }; servers = ( "127.0.0.1:{{shut}}" ); },
  { name = "each"; tls = { ca = "{{inner}}/ca.pem"; }; keepalive = { idle = 0; }; servers = ( "127.0.0.1:{{good}}" ); },
  { name = "two"; tls = { ca = "{{inner}}/ca.pem"; }; servers = ( "127.0.0.1:{{reset}}", { address = "127.0.0.1:{{good}}"; backup = true; } ); },
  { name = "v1"; tls = { ca = "{{inner}}/ca.pem"; }; proxy_protocol = 1; servers = ( "127.0.0.1:{{v1}}" ); },
  { name = "v2"; proxy_protocol = 2; servers = ( "127.0.0.1:{{v2}}" ); },
  { name = "until"; tls = { verify = false; }; servers = ( "127.0.0.1:{{until}}" ); },
  { name = "checked"; tls = { ca = "{{inner}}/ca.pem"; }; health = { uri = "/health"; interval = "200ms"; initial = "checking"; };
    servers = ( { address = "127.0.0.1:{{good}}"; name = "good"; }, { address = "127.0.0.1:{{other}}"; name = "other"; },
                { address = "127.0.0.1:{{client}}"; name = "client"; },
                { address = "127.0.0.1:{{v1}}"; name = "v1"; proxy_protocol = 1; } ); }
);
sites = ( { name = "s"; timeouts = { connect = "600ms"; }; request_body = { max_size = "100m"; memory = "64k"; };
  retry = { tries = 2; budget = 100; };
  routes = ({{routes}}
    { prefix = "/url"; proxy = "https://127.0.0.1:{{good}}"; },
    { prefix = "/stream"; strip_prefix = "/stream"; proxy = "named"; request_body = { buffer = "stream"; }; }
  ); } );
CONF
mkdir $w->dir . '/state';
chmod 0777, $w->dir . '/state';

sub servers_now {
    my %serve = (
        hang  => sub { sleep 5 },
        shut  => sub { sysread $_[0], my $hello, 4096 },
        v1    => sub { relay($_[0], 'good', head => 1, file => $w->dir . '/v1') },
        v2    => sub {
            my $head = '';
            sysread $_[0], $head, 28 - length $head, length $head while length $head < 28;
            open my $out, '>>', $w->dir . '/v2';
            syswrite $out, unpack('H*', $head) . "\n";
            my $c = Weir::Client->new(sock => $_[0]);
            $c->send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") while $c->read_request;
        },
        reset => sub { relay($_[0], 'good', reset => 300_000) },
    );
    return map { Weir::Fake->start(port => $w->port($_), serve => $serve{$_}) } sort keys %serve;
}
my @fakes = servers_now();
$w->allow(qr/certificate is not valid|TLS with the upstream|has refused TLS|handshake with the upstream|server is tried|within the body/);
$w->allow(qr/is down|not passed a check/);
$w->start;

sub ask {
    my ($target, %o) = @_;
    return $w->get('http', $target, timeout => 20, %o);
}

sub metric {
    my ($name) = @_;
    my $text = $w->get('admin', '/metrics', headers => [Host => 'localhost'])->{body};
    return $text =~ /^\Q$name\E (\d+)$/m ? $1 : -1;
}

sub logged { my ($pattern) = @_; return Weir::wait_for(sub { scalar grep { /$pattern/ } split /\n/, $w->read('error.log') }) }

# ---- who is believed

for my $case (
    ['good',    'an authority of `ca`, and the address in the certificate'],
    ['named',   'the name of `sni`'],
    ['pinned',  'a certificate that is in `ca` itself'],
    ['anybody', 'verify = false'],
    ['shown',   'a server that wants a certificate gets it'],
) {
    my ($name, $what) = @$case;
    is(ask("/$name/x")->{body}, 'GET ' . sha1_hex('') . ' 0', $what);
}

for my $case (
    ['wrong',   'tls_certificate_error', qr/hostname mismatch; asked for app\.test/,            'another name'],
    ['ip',      'tls_certificate_error', qr/IP address mismatch; asked for 127\.0\.0\.1/,      'another address'],
    ['expired', 'tls_certificate_error', qr/certificate has expired; asked for/,               'an expired one'],
    ['self',    'tls_certificate_error', qr/self-signed certificate; asked for/,               'one signed by itself'],
    ['unknown', 'tls_certificate_error', qr/unable to get local issuer certificate; asked for/, 'an authority that the system does not know'],
    ['url',     'tls_certificate_error', qr/unable to get local issuer certificate; asked for/, 'the same of an https URL'],
    ['plain',   'tls_protocol_error',    qr/what came is not TLS/,                             'a server without TLS'],
    ['shut',    'tls_protocol_error',    qr/closed/,                                           'a server that closes within the handshake'],
    ['nobody',  'tls_alert_received',    qr/requires a certificate/,                           'a server that wants a certificate and gets none'],
) {
    my ($name, $error, $why, $what) = @$case;
    my $answer = ask("/$name/x");
    like("$answer->{status} " . header($answer, 'Proxy-Status'), qr/^502 weir; error=$error(?:;|\z)/, $what);
    ok(logged(qr{"GET /$name/x" -> 502 .*: .*$why}), "$what: why is in the log");
}
{
    my $answer = ask('/hang/x');
    is("$answer->{status} " . header($answer, 'Proxy-Status'), '504 weir; error=connection_timeout', 'a server that hangs in the handshake');
    ok(logged(qr/the TLS handshake with the upstream timed out; timeouts\.connect is 600ms/), 'its time is that of connecting');
    is(ask('/named/host', headers => [Host => 'asked.test'])->{body}, 'asked.test', 'Host is that of the client');
}

# ---- connections and sessions

{
    my ($made, $resumed) = map { metric("weir_upstream_tls_$_") } qw(handshakes_total resumptions_total);
    my $c = $w->client('http');
    for (1 .. 5) {
        $c->send(request_bytes('GET', '/good/again'));
        $c->read_response;
    }
    is(metric('weir_upstream_tls_handshakes_total') - $made, 0, 'a kept connection needs no handshake');
    ask('/each/x') for 1 .. 12;
    is(metric('weir_upstream_tls_handshakes_total') - $made, 12, 'a new one does');
    is(metric('weir_upstream_tls_resumptions_total') - $resumed, 11, 'and goes on with an earlier session');
    cmp_ok(metric('weir_upstream_tls_failures_total'), '>=', 8, 'handshakes that failed are counted');
}

# ---- bodies

my $filler = join '', map { chr(33 + ($_ * 7 + int($_ / 94)) % 94) } 0 .. 99_999;
{
    my $body = $filler x 524;    # 50 MB
    my $want = sha1_hex($body) . ' ' . length $body;
    is(ask("$_/put", method => 'PUT', body => $body, timeout => 60)->{body}, "PUT $want", "50 MB to $_") for '/good', '/stream';
    my $c = $w->client('http', timeout => 60);
    $c->send("PUT /good/put HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n");
    $c->send(sprintf("%x\r\n", length $filler) . "$filler\r\n") for 1 .. 50;
    $c->send("0\r\n\r\n");
    is($c->read_response->{body}, 'PUT ' . sha1_hex($filler x 50) . ' 5000000', 'in chunks');
    is(ask('/two/put', method => 'PUT', body => $filler x 20)->{body}, 'PUT ' . sha1_hex($filler x 20) . ' 2000000',
        'a body goes to another server when the first one fails within it');
    ok(logged(qr{"PUT /two/put".*server is tried}), 'which it did');
}
for my $path ('/good/big', '/good/chunk', '/stream/big') {
    my $c = $w->client('http', timeout => 40);
    my ($sha, $n) = (Digest::SHA->new(1), 0);
    $c->send(request_bytes('GET', $path, [Connection => 'close']));
    sleep 0.3;
    my $answer = $c->read_response;
    is(sha1_hex($answer->{body} // ''), sha1_hex($big), "16 MB of $path to a client that is slow to take them");
}
{
    my $c = $w->client('http');
    $c->send(request_bytes('GET', '/good/ws', [Upgrade => 'websocket', Connection => 'Upgrade', 'Sec-WebSocket-Version' => 13,
        'Sec-WebSocket-Key' => 'dGhlIHNhbXBsZSBub25jZQ==']));
    is($c->read_response->{status}, 101, 'a tunnel through TLS');
    my $text = substr $filler, 0, 90_000;
    $c->send($text);
    is(sha1_hex($c->read_bytes(length $text)), sha1_hex($text), 'takes bytes both ways');
    $c->shut;
    ok($c->is_closed, 'and the end of the one side ends the other');
}

# A body that ends with its connection: only a goodbye of TLS tells that nothing was taken from its end.
for my $goodbye (0, 1) {
    my $port = $w->port('until');
    my $pid = open my $to, '|-', "exec $openssl s_server -quiet -naccept 1 -accept 127.0.0.1:$port -cert $dir/self.pem "
        . "-key $dir/self.key >$dir/until.$goodbye 2>/dev/null" or die;
    $to->autoflush(1);
    Weir::wait_for(sub { my $line = `ss -ltn 2>/dev/null`; $line =~ /:$port\b/ || ($line eq '' && sleep 1) });
    my $c = $w->client('http');
    $c->send(request_bytes('GET', '/until/x', [Connection => 'close']));
    # One that is killed with a request unread resets its connection, which is not what is looked at here.
    Weir::wait_for(sub { $inner->read("until.$goodbye") =~ /\n\r?\n/ });
    print {$to} "HTTP/1.1 200 OK\r\n\r\nhalf";
    my $head = $c->read_some;
    kill KILL => $pid if !$goodbye;
    close $to;
    my $rest = $c->read_all;
    like($head, qr{^HTTP/1\.1 200}, 'an answer that ends with its connection begins');
    is($rest =~ /0\r\n\r\n\z/ || 0, $goodbye, $goodbye ? 'with a goodbye it is whole' : 'without one it is not');
}
ok(logged(qr/within the body without close_notify/), 'the log says so');

# ---- the PROXY header

{
    my @c = map { $w->client('http') } 1 .. 2;
    for my $i (0, 1, 0, 1) {
        $c[$i]->send(request_bytes('GET', '/v1/x'));
        is($c[$i]->read_response->{status}, 200, 'a server with PROXY 1 before TLS');
    }
    my @told = grep { !/UNKNOWN/ } map { pack 'H*', $_ } split /\n/, $w->read('v1');
    is(join('', @told), join('', map { sprintf "PROXY TCP4 127.0.0.1 127.0.0.1 %d %d\r\n", $_->{sock}->sockport, $w->port('http') } @c),
        'each client has a connection of its own that says who it is, and keeps it');
    is($w->client('http')->{eof}, 0, 'others come');
    my $far = IO::Socket::INET->new(LocalAddr => '127.0.0.9', PeerAddr => '127.0.0.1', PeerPort => $w->port('http')) or die $!;
    my $f = Weir::Client->new(sock => $far);
    for my $for ('192.0.2.7', '192.0.2.7', '2001:db8::1') {
        $f->send(request_bytes('GET', '/v2/x', ['X-Forwarded-For' => $for]));
        is($f->read_response->{body}, 'ok', "a server with PROXY 2, for $for");
    }
    my @heads = map { pack 'H*', $_ } split /\n/, $w->read('v2');
    is(scalar @heads, 2, 'one connection for each of them');
    is(unpack('H32', $heads[0]), '0d0a0d0a000d0a515549540a2111000c', 'version 2, TCP over IPv4');
    is(unpack('x16 H16', $heads[0]), 'c00002077f000001', 'from the client whom a trusted one speaks for, to where it came');
    is(unpack('x12 H24', $heads[1]), '2121002420010db800000000', 'version 2, TCP over IPv6');
}

# ---- checks

sub state_of {
    my ($name) = @_;
    my $all = decode_json($w->get('admin', '/api/v1/upstreams/checked', headers => [Host => 'localhost'])->{body})->{servers};
    return (grep { $_->{name} eq $name } @$all)[0];
}
for my $case (['good', 'up', qr/status 200/], ['v1', 'up', qr/status 200/], ['other', 'checking', qr/^certificate: IP address mismatch/],
    ['client', 'checking', qr/requires a certificate/]) {
    my ($name, $state, $why) = @$case;
    my $is;
    Weir::wait_for(sub { $is = state_of($name); $is->{state} eq $state && ($is->{check}{reason} // $is->{reason} // '') =~ $why });
    is($is->{state}, $state, "the check of $name");
    like($is->{check}{reason} // $is->{reason} // '', $why, 'and why');
}
like(pack('H*', (split /\n/, $w->read('v1'))[0]), qr/^PROXY UNKNOWN\r\n/, 'a check speaks for nobody');

# An answer that ends with its connection is one only after a goodbye.
for my $goodbye (0, 1) {
    my $checker = Weir->new(ports => [qw(admin server)], wait => 'admin', conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
control = "unix:{{dir}}/control.sock";
listeners = ( { address = "127.0.0.1:{{admin}}"; admin = true; } );
upstreams = ( { name = "u"; tls = { verify = false; }; servers = ( { address = "127.0.0.1:{{server}}"; name = "s"; } );
    health = { uri = "/"; interval = "300s"; timeout = "20s"; initial = "checking"; }; } );
CONF
    my $port = $checker->port('server');
    my $pid = open my $to, '|-', "exec $openssl s_server -quiet -naccept 1 -accept 127.0.0.1:$port -cert $dir/self.pem "
        . "-key $dir/self.key >$dir/check.$goodbye 2>/dev/null" or die;
    $to->autoflush(1);
    Weir::wait_for(sub { my $line = `ss -ltn 2>/dev/null`; $line =~ /:$port\b/ || ($line eq '' && sleep 1) });
    $checker->allow(qr/is down|not passed a check/);
    $checker->start;
    Weir::wait_for(sub { -s "$dir/check.$goodbye" && $inner->read("check.$goodbye") =~ /\n\r?\n/ }, 20);
    print {$to} "HTTP/1.1 200 OK\r\n\r\nhalf";
    sleep 0.5;
    kill KILL => $pid if !$goodbye;
    close $to;
    my $is = {};
    Weir::wait_for(sub {
        $is = decode_json($checker->get('admin', '/api/v1/upstreams/u', headers => [Host => 'localhost'])->{body})->{servers}[0];
        return $is->{check};
    }, 20);
    like($is->{check}{reason} // $is->{reason} // '', $goodbye ? qr/status 200/ : qr/without TLS's goodbye/,
        'a check whose answer ends ' . ($goodbye ? 'with a goodbye' : 'without one'));
    $checker->stop;
}

# A certificate for servers that has ended.
{
    my $text = "listeners = \"127.0.0.1:1\";\nsites = ( { proxy = \"u\"; } );\nupstreams = ( { name = \"u\"; servers = \"127.0.0.1:1\";\n"
        . "tls = { cert = \"$dir/expired.pem\"; key = \"$dir/expired.key\"; }; } );\n";
    $w->write('expired.conf', $text);
    like($w->run('-t', '-c', '{{dir}}/expired.conf')->{err}, qr/expired\.conf:4: warning: the certificate in \S+expired\.pem has expired/,
        '-t warns of a certificate for servers that has expired');
}

# ---- explain

like($w->run('explain', '-c', $w->{conf}, 'http://a.test/shown/x')->{out} // '',
    qr/TLS with a certificate for 127\.0\.0\.1 by \Q$dir\E\/ca\.pem, shown \Q$dir\E\/other\.pem/, 'weir explain tells of it');

$_->stop for @fakes;
$w->stop_ok;
$inner->stop_ok;
done_testing;
