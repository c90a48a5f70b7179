#!/usr/bin/env perl

# Which certificate and which TLS settings a client gets, what -t says of them, and certificates that are replaced
# while Weir serves. The other side is the openssl command.

use strict;
use warnings;
use FindBin;
use JSON::PP;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(time sleep);
use Weir;
use Weir::Client;

plan skip_all => 'there is no openssl command' if system('openssl version >/dev/null 2>&1') != 0;
local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 300;

my $temp = File::Temp->newdir('weir-certs-XXXXXX', TMPDIR => 1);
my $dir  = "$temp";
chmod 0755, $dir;

# ---- the openssl command

# Its output, errors too; dies unless {may_fail}.
sub openssl {
    my ($args, %o) = @_;
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if (!$pid) {
        open STDIN,  '<',  '/dev/null' or POSIX::_exit(127);
        open STDERR, '>&', \*STDOUT    or POSIX::_exit(127);
        exec 'openssl', @$args or POSIX::_exit(127);
    }
    local $/;
    my $text = <$out> // '';
    close $out;
    die "openssl @$args: $text" if $? && !$o{may_fail};
    return wantarray ? ($text, $?) : $text;
}

my @ec  = qw(-newkey ec -pkeyopt ec_paramgen_curve:P-256);
my @rsa = qw(-newkey rsa:2048);

# DIR/NAME.pem and DIR/NAME.key, for the DNS names.
sub certificate {
    my ($name, $names, %o) = @_;
    openssl(['req', '-x509', @{$o{kind} // \@ec}, '-nodes', '-keyout', "$dir/$name.key", '-out', "$dir/$name.pem",
        '-days', $o{days} // 90, '-subj', "/CN=" . ($o{cn} // $name),
        @$names ? ('-addext', 'subjectAltName=' . join ',', map { "DNS:$_" } @$names) : ()]);
    chmod 0600, "$dir/$name.key";
    return;
}

# One that the CA has signed.
sub signed {
    my ($name, $ca) = @_;
    openssl(['req', '-new', @ec, '-nodes', '-keyout', "$dir/$name.key", '-out', "$dir/$name.csr", '-subj', "/CN=$name"]);
    openssl(['x509', '-req', '-in', "$dir/$name.csr", '-CA', "$dir/$ca.pem", '-CAkey', "$dir/$ca.key", '-days', 30,
        '-set_serial', 7, '-out', "$dir/$name.pem"]);
    return;
}

# A handshake: what the server showed, or the alert.
sub handshake {
    my ($port, $name, @more) = @_;
    my ($text, $rc) = openssl(['s_client', '-connect', "127.0.0.1:$port", $name ? ('-servername', $name) : '-noservername',
        @more], may_fail => 1);
    my %h = (text => $text, ok => $rc == 0 && $text =~ /Cipher is (?!\(NONE\))/ ? 1 : 0);
    ($h{shown})  = $text =~ /^subject=CN = (.*)$/m;
    ($h{alert})  = $text =~ /alert ([a-z ]+?):/;
    ($h{alpn})   = $text =~ /^ALPN protocol: (.*)$/m;
    ($h{kind})   = $text =~ /^New, (\S+),/m;
    ($h{cipher}) = $text =~ /Cipher is (\S+)/;
    ($h{group})  = $text =~ /^Server Temp Key: ([^,\n]+)/m;
    $h{verify_ca} = $text =~ /^Acceptable client certificate CA names/m ? 1 : 0;
    return \%h;
}

# With TLS 1.3 a client learns only afterwards that it was refused: asks for something.
sub ask {
    my ($port, $name, @more) = @_;
    my $request = "GET / HTTP/1.1\\r\\nHost: $name\\r\\nConnection: close\\r\\n\\r\\n";
    my $quoted = join ' ', map { "'$_'" } 's_client', '-quiet', '-connect', "127.0.0.1:$port", '-servername', $name, @more;
    return scalar `{ printf '$request'; sleep 1; } | timeout 10 openssl $quoted 2>&1`;
}

sub copy {
    my ($from, $to) = @_;
    open my $in, '<:raw', "$dir/$from" or die "$from: $!\n";
    local $/;
    my $bytes = <$in>;
    open my $out, '>:raw', "$dir/$to" or die "$to: $!\n";
    print {$out} $bytes;
    close $out or die "$to: $!\n";
    return;
}

certificate('first', ['first.test']);
certificate('exact', ['a.wild.test']);
certificate('wild', ['*.wild.test']);
certificate('both-ec', ['both.test']);
certificate('both-rsa', ['both.test'], kind => \@rsa);
certificate('own', ['own.test', '*.own.test'], days => 10);
certificate('strict', ['strict.test'], days => 2);
certificate('moving', ['moving.test'], cn => 'old');
certificate('moving-new', ['moving.test'], cn => 'new');
certificate('ca', []);
certificate('other-ca', []);
signed('client', 'ca');
signed('stranger', 'other-ca');

# ---- which certificate, which settings

my $w = Weir->new(ports => [qw(tls sites plain)], fill => {certs => $dir}, wait => 'plain', conf => <<'CONF');
workers = 2;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
control = "unix:{{dir}}/control.sock";
listeners = (
    "127.0.0.1:{{plain}}",
    { address = "127.0.0.1:{{tls}}"; http2 = false; tls = { certificates = (
        { cert = "{{certs}}/first.pem"; key = "{{certs}}/first.key"; },
        { cert = "{{certs}}/wild.pem"; key = "{{certs}}/wild.key"; },
        { cert = "{{certs}}/exact.pem"; key = "{{certs}}/exact.key"; },
        { cert = "{{certs}}/both-rsa.pem"; key = "{{certs}}/both-rsa.key"; },
        { cert = "{{certs}}/both-ec.pem"; key = "{{certs}}/both-ec.key"; },
        { cert = "{{certs}}/moving.pem"; key = "{{certs}}/moving.key"; } ); }; },
    { address = "127.0.0.1:{{sites}}"; tls = true; }
);
sites = (
    { name = "rest"; respond = { status = 200; body = "rest\n"; }; },
    { hosts = [ "own.test", "*.own.test" ]; respond = { status = 200; body = "own\n"; };
      tls = { certificates = { cert = "{{certs}}/own.pem"; key = "{{certs}}/own.key"; }; }; },
    { hosts = "strict.test"; respond = { status = 200; body = "strict\n"; };
      tls = { certificates = { cert = "{{certs}}/strict.pem"; key = "{{certs}}/strict.key"; };
              min_version = "1.3"; client_ca = "{{certs}}/ca.pem"; client_verify = "required"; curves = "P-256"; }; },
    { hosts = "may.test"; respond = { status = 200; body = "may\n"; };
      tls = { client_ca = "{{certs}}/ca.pem"; client_verify = "optional"; }; },
    { hosts = "moving.test"; respond = { status = 200; body = "moving\n"; }; }
);
CONF
$w->allow(qr/the certificate in .* expires in \d+ days/, qr/warning: no certificate is for "(?:may|moving)\.test"/);
$w->start;
my ($tls, $sites) = ($w->port('tls'), $w->port('sites'));

for (
    ['first.test',    'first', 'the name of the first'],
    [undef,           'first', 'no name: the first'],
    ['nobody.test',   'first', 'a name that none has: the first'],
    ['b.wild.test',   'wild',  'a wildcard'],
    ['B.Wild.Test',   'wild',  'letters of either case'],
    ['b.wild.test.',  'wild',  'a dot at the end'],
    ['c.b.wild.test', 'first', 'a wildcard is for one label'],
    ['wild.test',     'first', 'and not for none'],
    ['a.wild.test',   'exact', 'a name before a wildcard'],
    ['own.test',      'own',   'that of the site'],
    ['x.own.test',    'own',   'that of the site, by a wildcard host'],
) {
    my ($name, $shown, $what) = @$_;
    is(handshake($tls, $name)->{shown}, $shown, $what);
}
for (['ECDSA+SHA256', 'both-ec'], ['RSA-PSS+SHA256', 'both-rsa']) {
    is(handshake($tls, 'both.test', '-sigalgs', $_->[0])->{shown}, $_->[1], "a client that takes $_->[0] only");
}
is(handshake($tls, 'both.test', '-tls1_2', '-cipher', 'ECDHE-RSA-AES128-GCM-SHA256')->{shown}, 'both-rsa',
    'a cipher of TLS 1.2 with RSA');
is(handshake($sites, undef)->{shown}, 'own', 'tls = true: the first site with a certificate');
is(handshake($sites, 'strict.test', '-tls1_3')->{shown}, 'strict', 'tls = true: that of the site');

my $h = handshake($tls, 'first.test');
is($h->{kind}, 'TLSv1.3', 'TLS 1.3 where the client has it');
is($h->{group}, 'X25519', 'X25519 first');
ok(handshake($tls, 'first.test', '-tls1_2')->{ok}, 'TLS 1.2 is spoken');
is(handshake($tls, 'strict.test', '-tls1_2')->{alert}, 'protocol version', 'min_version of the site that is asked for');
is(handshake($tls, 'first.test', '-tls1_1', '-cipher', 'ALL:@SECLEVEL=0')->{alert}, 'protocol version', 'TLS 1.1 is not');
for my $cipher (qw(ECDHE-ECDSA-AES128-SHA AES128-SHA ECDHE-ECDSA-AES256-SHA384)) {
    is(handshake($tls, 'first.test', '-tls1_2', '-cipher', $cipher)->{alert}, 'handshake failure', "$cipher is not taken");
}
is(handshake($tls, 'first.test', '-tls1_2', '-cipher', 'ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256')->{cipher},
    'ECDHE-ECDSA-AES128-GCM-SHA256', 'the order of the ciphers is the server\'s');
is(handshake($tls, 'strict.test', '-groups', 'P-256:X25519')->{group}, 'ECDH', 'curves of the site');
is(handshake($tls, 'strict.test', '-groups', 'X25519')->{ok}, 0, 'and no other');

is(handshake($tls, 'first.test', '-alpn', 'http/1.1')->{alpn}, 'http/1.1', 'ALPN');
is(handshake($tls, 'first.test', '-alpn', 'h2,http/1.1')->{alpn}, 'http/1.1', 'ALPN without HTTP/2');
is(handshake($tls, 'first.test', '-alpn', 'h2')->{alert}, 'no application protocol', 'nothing in common is the end');
is(handshake($sites, 'own.test', '-alpn', 'http/1.1,h2')->{alpn}, 'h2', 'HTTP/2 by default, and the server chooses');

like(ask($tls, 'first.test'), qr/^rest$/m, 'a request');
like(ask($tls, 'own.test'), qr/^own$/m, 'a request to the site');
like(ask($tls, 'strict.test'), qr/certificate required/, 'without a certificate of the client');
is(handshake($tls, 'strict.test')->{verify_ca}, 1, 'it is told whose');
my @client   = ('-cert', "$dir/client.pem",   '-key', "$dir/client.key");
my @stranger = ('-cert', "$dir/stranger.pem", '-key', "$dir/stranger.key");
like(ask($tls, 'strict.test', @client), qr/^strict$/m, 'with one');
like(ask($tls, 'strict.test', @stranger), qr/alert unknown ca|alert bad certificate|decrypt error/, 'with one of another authority');
like(ask($tls, 'may.test'), qr/^may$/m, 'optional: without');
like(ask($tls, 'may.test', @client), qr/^may$/m, 'optional: with');
unlike(ask($tls, 'may.test', @stranger), qr/^may$/m, 'optional: with one of another authority');
is(handshake($tls, 'may.test')->{shown}, 'first', 'a site without certificates shows one of the listener');
is(handshake($tls, 'first.test')->{verify_ca}, 0, 'others are not asked');

# ---- what is told of it

my $explained = $w->run('explain', '-c', $w->{conf}, "https://x.own.test:$tls/");
like($explained->{out}, qr/^tls +of site own\.test: TLS 1\.2 and later/m, 'explain: the settings');
like($explained->{out}, qr{^shows +\Q$dir\E/own\.pem EC for own\.test, \*\.own\.test, until \d{4}-}m, 'explain: the certificate');
$explained = JSON::PP->new->decode($w->run('explain', '--json', '-c', $w->{conf}, "https://both.test:$tls/")->{out});
is_deeply([sort map { $_->{file} } @{$explained->{tls}{certificates}}], ["$dir/both-ec.pem", "$dir/both-rsa.pem"],
    'explain as JSON: both certificates');
like($w->run('explain', '-c', $w->{conf}, "http://own.test:$tls/")->{out}, qr/has to say https/, 'explain: http to a listener with tls');

my $printed = $w->run('-T', '-c', $w->{conf})->{out};
my ($own) = $printed =~ /hosts = \( "own\.test", .*?tls = \{(.*?)\n    \};/s;
like($own, qr/own\.pem/, '-T prints the tls of a site');
unlike($own, qr/client_verify/, 'and not what it would take from a listener');
my $again = $w->write('again.conf', $printed);
is($w->run('-T', '-c', $again)->{out}, $printed, '-T of what -T printed is the same');

sub control {
    my ($path) = @_;
    my $s = IO::Socket::UNIX->new(Peer => $w->dir . '/control.sock') or die "control: $!\n";
    print {$s} "GET $path HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
    local $/;
    my $text = <$s>;
    $text =~ s/^.*?\r\n\r\n//s;
    return $text;
}
my %known = map { $_->{file} => $_ } @{JSON::PP->new->decode(control('/api/v1/status'))->{certificates}};
is(scalar keys %known, 8, 'status: each certificate');
is_deeply($known{"$dir/own.pem"}{names}, ['own.test', '*.own.test'], 'its names');
ok($known{"$dir/own.pem"}{days} == 9 || $known{"$dir/own.pem"}{days} == 10, 'its days');
like($known{"$dir/own.pem"}{not_after}, qr/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/, 'its end');
my ($expiry) = control('/metrics') =~ m{^weir_certificate_expiry_seconds\{file="\Q$dir\E/own\.pem"\} (\d+)$}m;
ok(defined $expiry && abs($expiry - time - 10 * 86400) < 3600, 'metrics: its end');
ok($w->wait_log(qr/warn .*own\.pem expires in (9|10) days/), 'log: a warning at less than 14 days');
ok($w->wait_log(qr/error .*strict\.pem expires in [12] days/), 'log: an error at less than 3');
is(scalar(grep { /keeper.*expires in/ } $w->log_lines), 2, 'and nothing of others');

# ---- certificates that change

# Clients that do nothing but begin; the number of those that failed.
sub clients {
    my ($count, $until) = @_;
    my @readers;
    for (1 .. $count) {
        my $pid = open(my $reader, '-|') // die "fork: $!\n";
        if (!$pid) {
            my ($done, $failed) = (0, 0);
            while (!-e $until) {
                $done++;
                my $one = handshake($tls, 'moving.test');
                $failed++ if !$one->{ok} || $one->{shown} !~ /^(old|new)$/;
            }
            print "$done $failed\n";
            close STDOUT;
            POSIX::_exit(0);
        }
        push @readers, $reader;
    }
    return @readers;
}

sub serves { my ($name) = @_; return Weir::wait_for(sub { handshake($tls, 'moving.test')->{shown} eq $name }, 25) }

my @readers = clients(2, "$dir/enough");
is(handshake($tls, 'moving.test')->{shown}, 'old', 'before the change');
copy('moving-new.pem', 'moving.pem');
sleep 0.3;
copy('moving-new.key', 'moving.key');
ok(serves('new'), 'another certificate is served without a reload');
ok($w->wait_log(qr/notice .*moving\.pem has changed and is served from now on/), 'which is logged');
my @workers = grep { $_->{pid} } @{JSON::PP->new->decode(control('/api/v1/status'))->{workers}};
is_deeply([map { handshake($tls, 'moving.test')->{shown} } 1 .. 8], [('new') x 8], 'by all workers');
copy('first.key', 'moving.key');
$w->allow(qr/a changed certificate is not taken/);
ok($w->wait_log(qr/error .*a changed certificate is not taken.*moving\.key is not that of the certificate/, 25),
    'a key of another certificate is an error');
is(handshake($tls, 'moving.test')->{shown}, 'new', 'and the former one stays');
open my $end, '>', "$dir/enough" or die "$dir/enough: $!\n";
close $end;
my ($done, $failed) = (0, 0);
for my $reader (@readers) {
    my ($d, $f) = split ' ', <$reader> // '';
    $done += $d // 0;
    $failed += $f // 1;
    close $reader;
}
cmp_ok($done, '>', 5, 'handshakes meanwhile');
is($failed, 0, 'none of which failed');
$w->allow(qr/was ended by signal 9/);
kill KILL => $_->{pid} for @workers;
ok(Weir::wait_for(sub {
    my %now = map { $_->{pid} => 1 } @{JSON::PP->new->decode(control('/api/v1/status'))->{workers}};
    return keys %now == 2 && !grep { $now{$_->{pid}} } @workers;
}), 'other workers');
ok(Weir::wait_for(sub { (handshake($tls, 'moving.test')->{shown} // '') eq 'new' }), 'have the good one from the master');
$w->allow(qr/no certificate is for/);
copy('first.pem', 'moving.pem');
ok($w->wait_log(qr/warn.* the certificate in \S+moving\.pem has changed: no certificate is for "moving\.test", a host/, 25),
    'one for another name is told of');
ok(serves('first'), 'and served');
$w->stop_ok;


# ---- what -t finds

my $bad = Weir->new(ports => ['http'], fill => {certs => $dir});
openssl(['genrsa', '-aes128', '-passout', 'pass:secret', '-out', "$dir/locked.key", '2048']);
openssl(['req', '-x509', '-newkey', 'rsa:1024', '-nodes', '-keyout', "$dir/weak.key", '-out', "$dir/weak.pem", '-subj', '/CN=weak']);
chmod 0600, "$dir/$_.key" for qw(locked weak);
copy('first.pem', 'chain.pem');
copy('first.key', 'open.key');
chmod 0644, "$dir/open.key";
symlink "$dir/first.key", "$dir/link.key" or die "symlink: $!\n";
open my $shuffled, '>', "$dir/shuffled.pem" or die "shuffled: $!\n";
for my $part (qw(client.pem first.pem ca.pem)) {
    open my $in, '<', "$dir/$part" or die "$part: $!\n";
    print {$shuffled} <$in>;
}
close $shuffled;

sub check {
    my ($tls_text, $sites_text) = @_;
    $bad->conf("listeners = ( { address = \"127.0.0.1:{{http}}\"; tls = {\n$tls_text\n}; } );\n"
            . ($sites_text // "sites = ( { respond = 200; } );") . "\n");
    return $bad->run('-t', '-c', $bad->{conf});
}
my $good = 'certificates = { cert = "{{certs}}/first.pem"; key = "{{certs}}/first.key"; };';
for (
    ['certificates = { cert = "{{certs}}/none.pem"; };', 2, qr/cannot read \S+none\.pem: No such file or directory; write /],
    ['certificates = { cert = "{{certs}}"; };', 2, qr/ is not a file; write /],
    ['certificates = { cert = "{{certs}}/first.key"; };', 2, qr/first\.key holds no certificate .*; write /],
    ['certificates = { cert = "{{certs}}/first.pem"; };', 2, qr/first\.pem holds no private key .*; write key = /],
    ['certificates = { cert = "{{certs}}/first.pem"; key = "{{certs}}/exact.key"; };', 2, qr/the key in \S+exact\.key is not that of /],
    ['certificates = { cert = "{{certs}}/first.pem"; key = "{{certs}}/locked.key"; };', 2, qr/has a passphrase; write /],
    ['certificates = { cert = "{{certs}}/weak.pem"; key = "{{certs}}/weak.key"; };', 2, qr/cannot be used \(ee key too small\)/],
    ["certificates = ( { cert = \"{{certs}}/first.pem\"; key = \"{{certs}}/first.key\"; },\n{ cert = \"{{certs}}/exact.pem\";\nkey = \"{{certs}}/exact.key\"; chain = \"{{certs}}/ca.pem\"; } );",
        3, qr/chain in \S+ca\.pem is not in order: its certificate number 1 signs none/],
    ['certificates = { cert = "{{certs}}/shuffled.pem"; key = "{{certs}}/client.key"; };', 2, qr/certificate number 1 signs none before it; write /],
    ["$good\nciphers = \"ECDHE-RSA-AES128-GCM-SHA256:NONE-SUCH\";", 3, qr/OpenSSL has no cipher "NONE-SUCH"; write /],
    ["$good\nciphersuites = \"TLS_NONE\";", 3, qr/'ciphersuites' names one that OpenSSL does not have; write /],
    ["$good\ncurves = [ \"X25519\", \"P-255\" ];", 3, qr/'curves' names none, or one that OpenSSL does not have; write /],
    ["$good\ncurves = [ ];", 3, qr/'curves' names none, or one/],
    ["$good\nmin_version = \"1.1\";", 3, qr/min_version.*"1\.2"/],
    ["$good\nclient_verify = \"required\";", 3, qr/nobody signs .*; write client_ca = /],
    ["$good\nclient_ca = \"{{certs}}/ca.pem\";", 3, qr/'client_ca' does nothing alone; write client_verify/],
    ["$good\nclient_verify = \"optional\"; client_ca = \"{{certs}}/ca.key\";", 3, qr/holds no certificates of authorities/],
    ["$good\nticket_keys = \"{{certs}}/first.key\";", 3, qr/has \d+ bytes; write a file of 48 or 80 random ones/],
    ['session_tickets = true;', 1, qr/the listener has no certificate; write /],
) {
    my ($text, $line, $re) = @$_;
    my $r = check($text);
    is($r->{exit}, 1, "-t refuses: $re");
    like($r->{err}, qr/^\S+:$line: .*$re/m, 'where and what');
}
for (
    ['certificates = { cert = "{{certs}}/first.pem"; key = "{{certs}}/open.key"; };', qr/:2: warning: the key in \S+open\.key may be read/],
    ['certificates = { cert = "{{certs}}/strict.pem"; key = "{{certs}}/strict.key"; };', qr/:2: warning: the certificate in \S+ expires in [12] days/],
    ["$good\n", qr/:\d+: warning: no certificate is for "other\.test"/, 'sites = ( { hosts = [ "first.test", "other.test" ]; respond = 200; } );'],
) {
    my ($text, $re, $its_sites) = @$_;
    my $r = check($text, $its_sites);
    is($r->{exit}, 0, "-t warns: $re");
    like($r->{err}, $re, 'of that');
}
is(check('certificates = { cert = "{{certs}}/first.pem"; key = "{{certs}}/link.key"; };')->{err}, '', 'a link of the same user leads to a key');
is(check('certificates = { cert = "{{certs}}/client.pem"; key = "{{certs}}/client.key"; chain = "{{certs}}/ca.pem"; };')->{err}, '', 'a chain in order');
$bad->conf("listeners = \"127.0.0.1:{{http}}\";\nsites = ( { respond = 200;\ntls = { $good }; } );\n");
like($bad->run('-t', '-c', $bad->{conf})->{err}, qr/:3: no listener with tls serves this site; write /, '-t: tls of a site in vain');

done_testing();
