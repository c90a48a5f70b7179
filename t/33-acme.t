#!/usr/bin/env perl

# Certificates from an authority by ACME: against pebble, the authority made for tests, and against one of our own that
# misbehaves.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use IO::Socket::INET;
use IO::Socket::UNIX;
use JSON::PP;
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);
use Weir;
use Weir::Acme;
use Weir::Client;

plan skip_all => 'there is no openssl command' if system('openssl version >/dev/null 2>&1') != 0;
local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 300;

# ---- the openssl command

sub openssl {
    my (@args) = @_;
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if (!$pid) {
        open STDIN,  '<',  '/dev/null' or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT    or POSIX::_exit(127);
        exec 'openssl', @args or POSIX::_exit(127);
    }
    local $/;
    my $text = <$out> // '';
    close $out;
    return $text;
}

# Who has signed what the server shows for the name.
sub issuer {
    my ($port, $name) = @_;
    my $text = openssl('s_client', '-connect', "127.0.0.1:$port", '-servername', $name);
    return $text =~ /^issuer=(.*)$/m ? $1 : '';
}

# What the keeper says of the certificate for the name.
sub control {
    my ($w, $path) = @_;
    my $s = IO::Socket::UNIX->new(Peer => $w->dir . '/control.sock') or die "control: $!\n";
    print {$s} "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    local $/;
    my $text = <$s>;
    $text =~ s/^.*?\r\n\r\n//s;
    return $text;
}

sub acme_of {
    my ($w, $name) = @_;
    my ($found) = grep { $_->{file} =~ m{/\Q$name\E\.pem$} } @{decode_json(control($w, '/api/v1/status'))->{certificates}};
    return $found->{acme};
}

# Waits until the server shows a certificate of that issuer.
sub shows {
    my ($port, $name, $issuer) = @_;
    return Weir::wait_for(sub { issuer($port, $name) =~ $issuer }) ? 1 : 0;
}

my $conf = <<'CONF';
workers = 2;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
control = "unix:{{dir}}/control.sock";
state_dir = "{{dir}}/state";
resolver = "127.0.0.1:1";
listeners = (
    "127.0.0.1:{{plain}}",
    { address = "127.0.0.1:{{tls}}"; tls = { acme = { directory = "{{directory}}"; email = "me@example.test";
        challenge = "{{challenge}}"; }; }; }
);
sites = (
    { name = "one"; hosts = [ "one.test", "Two.test" ]; respond = { status = 200; body = "one\n"; }; }
);
CONF

sub instance {
    my ($directory, %o) = @_;
    my $w = Weir->new(ports => [qw(plain tls)], wait => 'plain', env => $o{env} // {},
        fill => {directory => $directory, challenge => $o{challenge} // 'http-01'}, conf => $o{conf} // $conf);
    $w->allow(qr/ACME: no certificate for/, qr/the authority asks over port 80/);
    return $w;
}

# ---- an authority that does what it is told

my $w = instance('http://127.0.0.1:1/directory');
my $authority = Weir::Acme->start(dir => $w->dir, http => $w->port('plain'));
$w->{fill}{directory} = $authority->url;
$w->conf($conf);
$authority->set(nonces => 2, slow => 2);
$w->start;

like(issuer($w->port('tls'), 'one.test'), qr/CN = one\.test$/, 'a placeholder before there is a certificate');
is($w->get('plain', '/', headers => [Host => 'one.test'])->{body}, "one\n", 'requests are served meanwhile');
like(control($w, '/metrics'), qr/^weir_certificate_expiry_seconds/m, 'metrics: the placeholder\'s end');
ok(shows($w->port('tls'), $_, qr/small authority/), "a certificate for $_") for qw(one.test two.test);
is((stat $w->dir . '/state/acme')[2] & 07777, 0700, 'the directory is the keeper\'s alone');
my @files = glob $w->dir . '/state/acme/*';
is(scalar(grep { ((stat)[2] & 07777) != 0600 } @files), 0, 'and so are its files');
is_deeply([map { s{.*/}{}r =~ s/[0-9a-f]{16}/HASH/r } @files], [qw(account-HASH.key one.test.pem two.test.pem)],
    'nothing else is there');
is_deeply({%{acme_of($w, 'one.test')}, next => undef},
    {state => 'waiting', placeholder => JSON::PP::false, failures => 0, error => undef, next => undef}, 'status');
like(acme_of($w, 'one.test')->{next}, qr/^\d{4}-/, 'status: when it is renewed');
like(control($w, '/metrics'), qr/^weir_acme_orders_total\{result="issued"\} 2$/m, 'metrics: how many were issued');
is(scalar(grep { $_ eq '/challenge' } $authority->asked), 2, 'each name was checked once');
is($w->get('plain', '/.well-known/acme-challenge/abc_DEF-1', headers => [Host => 'one.test'])->{body}, "one\n",
    'a challenge that is over is a path like any other');
my $explained = $w->run('explain', '-c', '{{dir}}/weir.conf', 'https://one.test:{{tls}}/');
like($explained->{out}, qr/^acme +it is from \Q@{[$authority->url]}\E by http-01$/m, 'explain: where it is from');

my $asked = () = $authority->asked;
is($w->run('ctl', '-c', '{{dir}}/weir.conf', 'reload')->{exit}, 0, 'a reload');
ok(Weir::wait_for(sub { (acme_of($w, 'two.test') // {state => ''})->{state} eq 'waiting' }), 'the new keeper knows them');
like(issuer($w->port('tls'), 'two.test'), qr/small authority/, 'and the stored one is shown');
sleep 3;
is(scalar(() = $authority->asked), $asked, 'and nothing is asked for again');
is(join(', ', $w->stop), '', 'it ends well');

# ---- one that has ended while nobody looked

my $ended = $w->dir . '/ended';
openssl(qw(req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=ended), '-addext',
    'subjectAltName=DNS:one.test', '-keyout', "$ended.key", '-out', "$ended.csr");
openssl(qw(x509 -req -days 0 -copy_extensions copy -in), "$ended.csr", '-signkey', "$ended.key", '-out', "$ended.pem");
$w->write('state/acme/one.test.pem', $w->read('ended.pem') . $w->read('ended.key'));
$w->allow(qr/ended|expire/);
$w->start;
like(issuer($w->port('tls'), 'one.test'), qr/CN = ended/, 'what is stored is shown');
ok(shows($w->port('tls'), 'one.test', qr/small authority/), 'and renewed');
is(scalar(grep { $_ eq '/challenge' } $authority->asked), 3, 'that one alone');
is(join(', ', $w->stop), '', 'it ends well again');

# ---- conf/examples/acme.conf

{
    open my $fh, '<', "$FindBin::Bin/../conf/examples/acme.conf" or die "acme.conf: $!\n";
    my $text = do { local $/; <$fh> };
    $text =~ s/127\.0\.0\.1:8080/127.0.0.1:{{plain}}/;
    $text =~ s/127\.0\.0\.1:8443/127.0.0.1:{{tls}}/;
    $text =~ s/^( *tls = .*directory = )"[^"]*"/$1"{{directory}}"/m;
    $text =~ s/root = "www"/respond = { status = 200; }/;
    my $head = qq(error_log = { path = "{{dir}}/error.log"; level = "info"; };\n)
        . qq(control = "unix:{{dir}}/control.sock";\nstate_dir = "{{dir}}/state";\n);
    my $e = instance('http://127.0.0.1:1/', conf => $head . $text);
    my $own = Weir::Acme->start(dir => $e->dir, http => $e->port('plain'));
    $e->{fill}{directory} = $own->url;
    $e->conf($head . $text);
    $e->start;
    ok(shows($e->port('tls'), $_, qr/small authority/), "the example: a certificate for $_")
        for qw(example.test www.example.test);
    is($e->get('plain', '/x', headers => [Host => 'example.test'])->{status}, 301, 'the example: others are sent to https');
    is(join(', ', $e->stop), '', 'the example: it ends well');
    $own->stop;
}

# ---- one that does not

for (
    ['invalid', {invalid => "bad \x{1b}[31m name"}, qr/could not check the name: unauthorized: bad \S+ name/],
    ['rate limit', {limited => 5000}, qr/refused: rateLimited: too many certificates/],
    ['nonces', {nonces => 100}, qr/refused: badNonce: as the test wants it/],
    ['no JSON', {garbage => '/order'}, qr/answer is not JSON/],
    ['another key', {foreign => 1}, qr/its certificate is for another key/],
    ['no account', {nameless => 1}, qr/named no account/],
    ['a broken chain', {tail => "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"},
        qr/of no use: its certificate has a chain that cannot be read/],
) {
    my ($what, $how, $said) = @$_;
    my $bad = instance('http://127.0.0.1:1/directory');
    my $other = Weir::Acme->start(dir => $bad->dir, http => $bad->port('plain'));
    $bad->{fill}{directory} = $other->url;
    $bad->conf($conf =~ s/, "Two.test"//r);
    $other->set(%$how);
    $bad->start;
    my $line = $bad->wait_log(qr/ACME: no certificate for one\.test/) // '';
    like($line, $said, "$what: the log says why");
    unlike($line, qr/[^ -~]/, "$what: in printable text");
    my ($pause) = $line =~ /the next attempt is in (\d+) s$/;
    cmp_ok($pause // 0, '>=', $how->{limited} // 60, "$what: the next attempt is not soon");
    like(acme_of($bad, 'one.test')->{error} // '', $said, "$what: status says why");
    is(acme_of($bad, 'one.test')->{failures}, 1, "$what: one failure");
    like(issuer($bad->port('tls'), 'one.test'), qr/CN = one\.test$/, "$what: the placeholder is shown on");
    ok(!-e $bad->dir . '/state/acme/one.test.pem', "$what: nothing is stored");
    if ($what eq 'rate limit') {
        my $n = () = $other->asked;
        $other->set;
        is($bad->run('ctl', '-c', '{{dir}}/weir.conf', 'reload')->{exit}, 0, 'a reload after it');
        ok(Weir::wait_for(sub { (acme_of($bad, 'one.test') // {failures => 0})->{failures} == 1 }),
            'the failure is still known');
        like(acme_of($bad, 'one.test')->{error} // '', $said, 'and why');
        like($bad->run('ctl', '-c', '{{dir}}/weir.conf', 'status')->{out},
            qr/^CERTIFICATE .*\n.*\bone\.test .*\bfailing +1 +placeholder +.*rateLimited/m, 'which ctl status tells too');
        sleep 3;
        is(scalar(() = $other->asked), $n, 'and the authority is left alone');
    }
    is(join(', ', $bad->stop), '', "$what: it ends well");
    $other->stop;
}

my $hung = instance('http://127.0.0.1:1/directory');
my $silent = Weir::Acme->start(dir => $hung->dir, http => $hung->port('plain'));
$hung->{fill}{directory} = $silent->url;
$hung->conf($conf);
$silent->set(hang => '/order');
$hung->start;
ok(Weir::wait_for(sub { grep { $_ eq '/order' } $silent->asked }), 'an authority that does not answer');
is(acme_of($hung, 'one.test')->{state}, 'asking', 'is waited for, while the keeper answers others');
is(join(', ', $hung->stop), '', 'and not at the end');
$silent->stop;

# ---- what -t says

my $t = instance('https://example.test/directory');
for (
    ['hosts = "*.one.test";', '', qr/host "\*\.one\.test" stands for many names/],
    ['hosts = "~^a";', '', qr/host "~\^a" is a regex/],
    ['hosts = "127.0.0.1";', '', qr/host "127\.0\.0\.1" is an address/],
    ['hosts = "a_b.test";', '', qr/host "a_b\.test" is not a name of DNS/],
    ['', '', qr/no site of the listener has a name/],
    ['hosts = "a.test";', 'directory = "http://example.test/";', qr/'directory' is "http:\/\/example\.test\/"; write "https:/],
    ['hosts = "a.test";', 'email = "nobody";', qr/'email' is "nobody"; write one address/],
) {
    my ($hosts, $more, $said) = @$_;
    $t->conf(<<"CONF");
state_dir = "{{dir}}/state";
listeners = ( "127.0.0.1:{{plain}}", { address = "127.0.0.1:{{tls}}"; tls = { acme = { $more }; }; } );
sites = ( { name = "s"; $hosts respond = { status = 200; }; } );
CONF
    my $r = $t->run('-t', '-c', '{{dir}}/weir.conf');
    is($r->{exit}, 1, "-t refuses: $hosts $more");
    like($r->{err} . $r->{out}, $said, 'and says why');
}
$t->conf(<<'CONF');
state_dir = "{{dir}}/state";
listeners = ( { address = "127.0.0.1:{{tls}}"; tls = { acme = { }; }; } );
sites = ( { hosts = "a.test"; respond = { status = 200; }; } );
CONF
my $r = $t->run('-t', '-c', '{{dir}}/weir.conf');
is($r->{exit}, 0, '-t takes an empty acme');
like($r->{err} . $r->{out}, qr/warning: .*over port 80/, 'and warns when nobody listens in the clear');

# ---- pebble

SKIP: {
    skip 'pebble is not installed (apt install pebble)', 1 if system('command -v pebble pebble-challtestsrv >/dev/null 2>&1') != 0;
    my $dir = $w->dir;
    my %port = map { $_ => Weir::free_port() } qw(api management dns dns_management);
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-keyout', "$dir/pebble.key", '-out', "$dir/pebble.pem",
        '-days', 2, '-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1');
    for my $challenge (qw(http-01 tls-alpn-01)) {
        # A directory of its own, which the master makes for the keeper.
        my $stored = $conf =~ s/email = /storage = "{{dir}}\/stored"; email = /r;
        my $p = instance("https://localhost:$port{api}/dir", challenge => $challenge, conf => $stored,
            env => {SSL_CERT_FILE => "$dir/pebble.pem"});
        $p->write('pebble.json', encode_json({pebble => {
            listenAddress => "127.0.0.1:$port{api}", managementListenAddress => "127.0.0.1:$port{management}",
            certificate => "$dir/pebble.pem", privateKey => "$dir/pebble.key", httpPort => $p->port('plain') + 0,
            tlsPort => $p->port('tls') + 0}}));
        my @kids = map { run_in_background($p->dir, @$_) }
            ['pebble-challtestsrv', '-dns01', "127.0.0.1:$port{dns}", '-management', "127.0.0.1:$port{dns_management}",
                '-http01', '', '-https01', '', '-tlsalpn01', '', '-defaultIPv6', '', '-defaultIPv4', '127.0.0.1'],
            ['pebble', '-config', $p->dir . '/pebble.json', '-dnsserver', "127.0.0.1:$port{dns}", '-strict'];
        ok(Weir::wait_for(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port{api}) }), 'pebble is up');
        $p->start;
        ok(shows($p->port('tls'), $_, qr/Pebble Intermediate/), "pebble, $challenge: a certificate for $_")
            for qw(one.test two.test);
        like(openssl('s_client', '-connect', '127.0.0.1:' . $p->port('tls'), '-servername', 'one.test', '-alpn', 'acme-tls/1'),
            qr/no application protocol/, "$challenge: no challenge is open any more");
        is(join(', ', $p->stop), '', "pebble, $challenge: it ends well");
        for my $pid (@kids) { kill TERM => $pid; waitpid $pid, 0 }
    }
}

sub run_in_background {
    my ($dir, @command) = @_;
    my $pid = fork // die "fork: $!\n";
    return $pid if $pid;
    %ENV = (%ENV, PEBBLE_VA_NOSLEEP => 1, PEBBLE_WFE_NONCEREJECT => 30);
    open STDIN,  '<',  '/dev/null'           or POSIX::_exit(127);
    open STDOUT, '>>', "$dir/background.log" or POSIX::_exit(127);
    open STDERR, '>&', \*STDOUT              or POSIX::_exit(127);
    exec @command or POSIX::_exit(127);
}

$authority->stop;
done_testing;
