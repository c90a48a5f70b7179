#!/usr/bin/env perl

# OCSP stapling: fetched from a responder by the keeper, shown by all workers, kept over a reload; and responders that
# are silent, slow, wrong or hostile, which cost the clients nothing.

use strict;
use warnings;
use FindBin qw($Bin);
use lib "$Bin/lib";
use File::Temp qw(tempdir);
use IO::Socket::INET;
use POSIX ();
use Test::More;
use Weir;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 180;

plan skip_all => 'no openssl command' if system 'openssl version >/dev/null 2>&1';

my $dir = tempdir(CLEANUP => 1);
my (%running, $owner);
$owner = $$;

sub quiet {
    my (@argv) = @_;
    my $pid = fork // die "fork: $!";
    if (!$pid) {
        open STDIN,  '<',  '/dev/null'  or POSIX::_exit(1);
        open STDOUT, '>>', "$dir/noise" or POSIX::_exit(1);
        open STDERR, '>>', "$dir/noise" or POSIX::_exit(1);
        exec @argv or POSIX::_exit(1);
    }
    return $pid;
}

sub openssl {
    waitpid quiet('openssl', @_), 0;
    die "openssl @_ failed\n" if $?;
    return;
}

sub ended {
    my ($pid) = @_;
    kill KILL => $pid;
    waitpid $pid, 0;
    delete $running{$pid};
    return;
}

sub spew {
    my ($path, $text) = @_;
    open my $fh, '>', $path or die "$path: $!";
    print {$fh} $text;
    close $fh;
    return $path;
}

my @ec = qw(-nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256);

sub authority {
    my ($name) = @_;
    openssl(qw(req -x509), @ec, '-subj', "/CN=$name", '-days', 30, '-keyout', "$dir/$name.key", '-out', "$dir/$name.pem");
    return;
}

# A certificate of an authority that tells to ask at `url`, with the authority's behind it.
my $serial = 10;
sub certificate {
    my ($name, $ca, $url, $more) = @_;
    openssl(qw(req), @ec, '-subj', '/CN=a.test', '-keyout', "$dir/$name.key", '-out', "$dir/$name.csr");
    my $ext = spew("$dir/$name.ext", "subjectAltName=DNS:a.test\n" . ($url ? "authorityInfoAccess=OCSP;URI:$url\n" : '') . ($more // ''));
    openssl(qw(x509 -req -days 20 -in), "$dir/$name.csr", '-CA', "$dir/$ca.pem", '-CAkey', "$dir/$ca.key", '-set_serial', ++$serial,
        '-extfile', $ext, '-out', "$dir/$name.leaf");
    my $text = join '', map { open my $fh, '<', $_ or die; local $/ = undef; <$fh> } "$dir/$name.leaf", "$dir/$ca.pem";
    spew("$dir/$name.pem", $text);
    return $serial;
}

# What the authority knows, and a responder that says it.
sub responder {
    my ($port, $ca, $numbers, %o) = @_;
    my $index = spew("$dir/index-$port", join '', map {
        sprintf "%s\t400101000000Z\t%s\t%02X\tunknown\t/CN=a.test\n", $numbers->{$_}, $numbers->{$_} eq 'R' ? '250101000000Z' : '', $_
    } keys %$numbers);
    spew("$index.attr", "unique_subject = no\n");
    my $signer = $o{signer} // $ca;
    unlink "$dir/noise";
    my $pid = quiet(qw(openssl ocsp -ignore_err -nmin), $o{minutes} // 60, '-index', $index, '-port', $port, '-CA', "$dir/$ca.pem",
        '-rsigner', "$dir/$signer.pem", '-rkey', "$dir/$signer.key");
    $running{$pid} = 1;
    # One that is connected to without a question never answers again, so its own word is waited for.
    Weir::wait_for(sub { open my $fh, '<', "$dir/noise" or return; local $/ = undef; return readline($fh) =~ /waiting for OCSP/ })
        or die "no responder\n";
    return $pid;
}

sub conf {
    my ($name, $more) = @_;
    $more //= 'ocsp_stapling = true;';
    return <<"CONF";
workers = 4;
control = "unix:{{dir}}/control.sock";
drain_timeout = "2s";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{tls}}"; tls = { certificates = ( { cert = "$dir/$name.pem"; key = "$dir/$name.key"; } ); $more }; } );
sites = ( { hosts = [ "a.test" ]; routes = ( { respond = { body = "ok"; }; } ); } );
CONF
}

# What s_client is shown.
sub shown {
    my ($w, @args) = @_;
    my $port = $w->port('tls');
    my $said = `openssl s_client -connect 127.0.0.1:$port -servername a.test -status @args </dev/null 2>&1`;
    return 'good' if $said =~ /OCSP Response Status: successful/ && $said =~ /Cert Status: good/;
    return $said =~ /OCSP response: no response sent/ ? 'nothing' : $said;
}

sub shows_all {
    my ($w, $what, $name) = @_;
    my %seen = map { shown($w, $_) => 1 } ('-tls1_2', '-tls1_3') x 8;
    return is_deeply([keys %seen], [$what], $name);
}

my $port = Weir::free_port();
authority($_) for qw(ca other);
my $number = certificate('one', 'ca', "http://127.0.0.1:$port/ask");
my $named  = certificate('named', 'ca', "http://localhost:$port/");
my $gone   = certificate('gone', 'ca', "http://127.0.0.1:$port/");
certificate('must', 'ca', "http://127.0.0.1:$port/", "tlsfeature=status_request\n");
certificate('nobody', 'ca', undef);

subtest 'from a responder, kept over a reload' => sub {
    my $responder = responder($port, 'ca', {$number => 'V', $named => 'V'});
    my $w = Weir->new(ports => ['tls'], conf => conf('one'));
    $w->start;
    shows_all($w, 'good', 'all workers show it from the first connection on');
    ended($responder);
    is($w->run('-c', $w->dir . '/weir.conf', '-s', 'reload')->{exit}, 0, 'a reload while the responder is away');
    shows_all($w, 'good', 'it is shown on');
    is((grep { /ocsp_stapling/ && / warn/ } $w->log_lines) + 0, 0, 'and nobody is asked');
    $responder = responder($port, 'ca', {$number => 'V', $named => 'V'});
    $w->conf(conf('named'));
    is($w->run('-c', $w->dir . '/weir.conf', '-s', 'reload')->{exit}, 0, 'another certificate, whose responder has a name');
    ok(Weir::wait_for(sub { shown($w) eq 'good' }), 'is asked about');
    $w->conf(conf('one', ''));
    is($w->run('-c', $w->dir . '/weir.conf', '-s', 'reload')->{exit}, 0, 'without ocsp_stapling');
    ok(Weir::wait_for(sub { shown($w) eq 'nothing' }), 'it is not shown');
    $w->stop_ok;
    ended($responder);
};

for my $case (
    ['revoked', qr/the authority says that it is revoked/, sub { responder($port, 'ca', {$gone => 'R'}) }],
    ['not known', qr/the authority says that it is unknown to it/, sub { responder($port, 'ca', {77 => 'V'}) }],
    ['another signer', qr/not signed by the certificate's authority/, sub { responder($port, 'ca', {$gone => 'V'}, signer => 'other') }],
    ['nobody there', qr/refused/, sub { 0 }],
) {
    my ($name, $why, $begin) = @$case;
    subtest $name => sub {
        my $pid = $begin->();
        my $w = Weir->new(ports => ['tls'], conf => conf('gone'));
        $w->start;
        ok($w->wait_log(qr/ warn.*ocsp_stapling of \S+gone\.pem: .*$why/), 'is told of');
        shows_all($w, 'nothing', 'nothing is shown, and clients are served');
        $w->allow(qr/ocsp_stapling/);
        $w->stop_ok;
        ended($pid) if $pid;
    };
}

my $head = "HTTP/1.1 200 OK\r\nContent-Type: application/ocsp-response\r\n";
for my $case (
    ['no OCSP', {do => 'fixed', bytes => "${head}Content-Length: 5\r\n\r\nhello"}, qr/no OCSP response/],
    ['much of it', {do => 'fixed', bytes => "${head}Content-Length: 60000\r\n\r\n" . "\x30" x 60000}, qr/longer than|too/],
    ['without end', {do => 'fixed', bytes => "${head}\r\n" . "\x30" x 1_000_000, close => 1}, qr/./],
    ['a redirect', {do => 'fixed', bytes => "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n"}, qr/status 302/],
    ['cut short', {do => 'fixed', bytes => "${head}Content-Length: 500\r\n\r\n\x30\x03", close => 1}, qr/./],
    ['"try later"', {do => 'fixed', bytes => "${head}Content-Length: 5\r\n\r\n\x30\x03\x0a\x01\x03"}, qr/the responder says trylater/],
) {
    my ($name, $answer, $why) = @$case;
    subtest "a responder that gives $name" => sub {
        my $w = Weir->new(ports => ['tls', 'up']);
        certificate('wrong', 'ca', 'http://127.0.0.1:' . $w->port('up') . '/');
        $w->conf(conf('wrong'));
        my $up = $w->upstream('up', {'*' => $answer});
        $w->start;
        ok($w->wait_log(qr/ warn.*ocsp_stapling of \S+wrong\.pem: .*$why/), 'is told of');
        is(shown($w), 'nothing', 'nothing is shown');
        my ($seen) = $up->seen;
        is($seen->{method}, 'POST', 'it was asked') if ref $seen && exists $seen->{method};
        $w->allow(qr/ocsp_stapling/);
        $w->stop_ok;
    };
}

subtest 'a responder that says nothing holds nobody up' => sub {
    my $silent = IO::Socket::INET->new(LocalAddr => '127.0.0.1', Listen => 5, Proto => 'tcp') or die "$!";
    certificate('slow', 'ca', 'http://127.0.0.1:' . $silent->sockport . '/');
    my $w = Weir->new(ports => ['tls'], conf => conf('slow'));
    $w->start;
    is(shown($w), 'nothing', 'served');
    $w->stop_ok;
};

subtest 'weir -t' => sub {
    my $check = sub { my $w = Weir->new(ports => ['tls'], conf => conf(@_)); my $r = $w->run('-t', '-c', $w->dir . '/weir.conf'); return $r->{err} . $r->{out} };
    unlike($check->('one'), qr/ocsp|authority says/, 'nothing to say');
    like($check->('nobody'), qr/warning: 'ocsp_stapling' does nothing for \S+nobody\.pem: it names no OCSP responder/, 'nobody to ask');
    like($check->('must', ''), qr/warning: clients refuse \S+must\.pem without what its authority says; write ocsp_stapling = true/, 'must-staple');
    system "cp $dir/one.leaf $dir/alone.pem; cp $dir/one.key $dir/alone.key";
    like($check->('alone'), qr/its chain does not have the certificate of who signed it/, 'no chain');
};

END {
    if ($$ == $owner) {
        local $? = $?;
        ended($_) for keys %running;
    }
}

done_testing;
