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
        exists $o{sni} && !defined $o{sni} ? '-noservername' : ('-servername', $o{sni} // $host),
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
sites = ( { name = "a"; routes = ( { prefix = "/weir/"; status = true; }, { respond = { body = "$o{body}"; }; } ); } );
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
        my $metrics = session($w, 'tls', path => '/weir/metrics', args => [$version])->{body};
        my %seen = $metrics =~ /^weir_tls_handshakes_total\{([^}]*)\} (\d+)$/mg;
        is($seen{'result="ok",resumed="yes"'}, 48, 'all of them are counted');
        is($seen{'result="ok",resumed="no"'}, 2, 'apart from whole handshakes');
        cmp_ok($seen{'result="failed",resumed="no"'}, '>=', 1, 'and from those that failed: the harness said nothing');
        ok(eventually(sub { $w->_ended }), 'the first master is gone');
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
    my $chain = $w->dir . '/chain';
    session($w, 'tls', out => $chain, args => ['-tls1_3']);
    for my $n (1 .. 3) {
        my $before = $w->read('chain');
        ok(session($w, 'tls', in => $chain, out => $chain, args => ['-tls1_3'])->{reused}, "session $n goes on");
        isnt($w->read('chain'), $before, 'and gives a ticket for the next');
    }
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

# ---- what is known of a client, https_only, hsts, names

my $w = Weir->new(ports => [qw(tls http other trusted up)]);
my $dir = $w->dir;
Weir::Tls->certificate($dir, 'a', hosts => ['a.test', 'm.test', 't.test', 'h.test', 'n.test', 'x.test']);
Weir::Tls->certificate($dir, 'same', hosts => ['same.test']);
Weir::Tls->certificate($dir, 'client', subject => "/CN=J\xc3\xb6rg, the client", days => 2);
Weir::Tls->certificate($dir, 'stranger', subject => '/CN=a stranger');
my $names = join ' ', map { "\$ssl_$_|" } qw(protocol cipher sni client_verify client_subject client_fingerprint);
$w->conf(<<"CONF");
workers = 1;
drain_timeout = "2s";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
defaults = { access_log = ( { path = "{{dir}}/access.log"; format = "\$ssl_protocol \$ssl_sni \$ssl_client_verify"; } ); };
listeners = (
  { address = "127.0.0.1:{{tls}}"; default_site = "a"; sites = [ "a", "m", "t", "h", "same", "n" ];
    tls = { certificates = ( { cert = "{{dir}}/a.pem"; key = "{{dir}}/a.key"; } ); }; },
  { address = "127.0.0.1:{{http}}"; default_site = "a"; },
  { address = "127.0.0.1:{{other}}"; default_site = "p"; },
  { address = "127.0.0.1:{{trusted}}"; default_site = "a"; trusted = "127.0.0.0/8"; }
);
upstreams = ( { name = "u"; servers = ( "127.0.0.1:{{up}}" ); } );
sites = (
  { name = "a"; hosts = [ "a.test" ]; https_only = true; routes = (
    { prefix = "/open/"; https_only = false; respond = { body = "open"; }; },
    { prefix = "/up/"; proxy = "u"; request_headers = { set = { X-Cert = "\$ssl_client_fingerprint"; X-Sni = "\$ssl_sni"; }; }; },
    { prefix = "/named/"; when = { sni = [ "A.test" ]; }; respond = { body = "by name"; }; },
    { prefix = "/"; respond = { body = "$names"; }; } ); },
  { name = "m"; hosts = [ "m.test" ]; tls = { client_verify = "optional"; client_ca = "{{dir}}/client.pem"; }; routes = (
    { prefix = "/up/"; proxy = "u"; request_headers = { set = { X-Cert = "\$ssl_client_fingerprint"; X-Subject = "\$ssl_client_subject"; }; }; },
    { respond = { body = "$names"; }; } ); },
  { name = "n"; hosts = [ "n.test" ]; tls = { client_verify = "required"; client_ca = "{{dir}}/client.pem"; }; routes = ( { respond = { body = "n"; }; } ); },
  { name = "t"; hosts = [ "t.test" ]; tls = { min_version = "1.3"; }; routes = ( { respond = { body = "t"; }; } ); },
  { name = "same"; hosts = [ "same.test" ]; tls = { certificates = ( { cert = "{{dir}}/same.pem"; key = "{{dir}}/same.key"; } );
    hsts = { max_age = "30d"; subdomains = true; preload = true; }; };
    routes = (
    { prefix = "/up/"; proxy = "u"; }, { respond = { body = "same"; }; } ); },
  { name = "h"; hosts = [ "h.test" ]; tls = { hsts = true; }; https_only = true; routes = (
    { prefix = "/own/"; response_headers = { set = { Strict-Transport-Security = "max-age=1"; }; }; respond = { body = "own"; }; },
    { prefix = "/h/"; respond = { body = "h"; }; } ); },
  { name = "p"; hosts = [ "x.test" ]; https_only = 8443; routes = ( { respond = { body = "p"; }; } ); }
);
CONF
my $up = $w->upstream('up', {'/up/sts' => {do => 'fixed', bytes => "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nStrict-Transport-Security: max-age=9\r\n\r\nok"},
        '*' => 'echo'});
$w->start;

sub at { my ($host, %o) = @_; return session($w, 'tls', host => $host, %o) }

my $print = `openssl x509 -in $dir/client.pem -noout -fingerprint -sha256`;
$print =~ s/.*=|:|\s//g;
$print = lc $print;

subtest 'variables and conditions' => sub {
    like(at('a.test', args => ['-tls1_2'])->{body}, qr/^TLSv1\.2\| ECDHE-[\w-]+\| a\.test\| NONE\| \| \|/, 'TLS 1.2');
    like(at('a.test', args => ['-tls1_3'])->{body}, qr/^TLSv1\.3\| TLS_AES_\w+\| a\.test\| NONE\| \| \|/, 'TLS 1.3');
    my @client = (args => ['-cert', "$dir/client.pem", '-key', "$dir/client.key"]);
    like(at('m.test', @client)->{body}, qr/ m\.test\| SUCCESS\| CN=J\\C3\\B6rg\\, the client\| $print\|/, 'of a client with a certificate');
    like(at('a.test', path => '/named/x')->{body}, qr/^by name/, 'the condition sni');
    unlike(at('a.test', sni => 'x.test', path => '/named/x')->{body}, qr/by name/, 'another name');
    like(at('a.test', sni => 'a.test.')->{body}, qr/ a\.test\| /, 'a dot at its end is not told');
    like(at('a.test', sni => "x\$y")->{body}, qr/[0-9]\| \| NONE/, 'what is no name is none');
    like($w->get('http', '/open/', headers => [Host => 'a.test'])->{body}, qr/open/, 'in the clear');
    ok(eventually(sub { $w->read('access.log') =~ /^TLSv1\.3 m\.test SUCCESS$/m }), 'in a log');
    my $file = "$dir/session";
    for my $version ('-tls1_2', '-tls1_3') {
        at('m.test', out => $file, args => [$version, '-cert', "$dir/client.pem", '-key', "$dir/client.key"]);
        my $s = at('m.test', in => $file, args => [$version]);
        ok($s->{reused}, "$version: a session goes on");
        like($s->{body}, qr/\| SUCCESS\| CN=J.*\| $print\|/, 'with who it was');
        ok(!at('a.test', in => $file, args => [$version])->{reused}, 'but not at a site with other settings');
        ok(!at('n.test', in => $file, args => [$version])->{reused}, 'nor at one that asks for more');
        at('a.test', out => $file, args => [$version]);
        my $t = at('m.test', in => $file, args => [$version]);
        ok(!$t->{reused} && $t->{body} =~ /\| NONE\|/, 'nor the other way round');
    }
    ok(at('n.test', @client)->{status} == 200, 'a certificate that is required');
    is(at('n.test')->{status}, 0, 'without it there is no connection');
    is(at('m.test', args => ['-cert', "$dir/stranger.pem", '-key', "$dir/stranger.key"])->{status}, 0, 'nor with one of a stranger');
};

subtest 'fields for the server' => sub {
    my @lines = (headers => ['X-Cert' => 'forged', 'x-cert' => 'twice', 'X-Subject' => 'forged', 'X-Sni' => 'forged']);
    my $c = Weir::Tls->client(port => $w->port('tls'), dir => $dir, host => 'm.test', args => ['-cert', "$dir/client.pem", '-key', "$dir/client.key"]);
    $c->send(Weir::Client::request_bytes('GET', '/up/x', [Host => 'm.test', @{$lines[1]}]));
    my $body = $c->read_response->{body};
    is_deeply([$body =~ /^X-Cert: *(.*?)\r?$/mgi], [$print], 'what Weir knows, in place of what the client said');
    Weir::Tls->end($c);
    $c = Weir::Tls->client(port => $w->port('tls'), dir => $dir, host => 'm.test');
    $c->send(Weir::Client::request_bytes('GET', '/up/x', [Host => 'm.test', @{$lines[1]}]));
    $body = $c->read_response->{body};
    unlike($body, qr/^X-(?:Cert|Subject):/mi, 'its own fields are gone');
    Weir::Tls->end($c);
    $body = Weir::Tls->get($w->port('tls'), '/up/x', dir => $dir, host => 'a.test', headers => [Host => 'a.test', @{$lines[1]}])->{body};
    is_deeply([$body =~ /^X-(?:Sni|Cert): *(.*?)\r?$/mgi], ['a.test'], 'the name it asked for');
};

subtest 'https_only' => sub {
    for my $case (
        ['http', 'GET', '/x/%41?q=1&r=a%20b', 'a.test', 301, 'https://a.test/x/A?q=1&r=a%20b'],
        ['http', 'HEAD', '/', 'A.Test', 301, 'https://a.test/'],
        ['http', 'POST', '/x', 'a.test:8080', 308, 'https://a.test/x'],
        ['http', 'DELETE', '//evil.test/', 'a.test', 308, 'https://a.test/evil.test/'],
        ['http', 'GET', 'http://a.test/abs?x', 'other.test', 301, 'https://a.test/abs?x'],
        ['http', 'GET', '/x', '[::1]:80', 301, 'https://[::1]/x'],
        ['other', 'GET', '/x', 'x.test', 301, 'https://x.test:8443/x'],
        ['http', 'GET', '/open/x', 'a.test', 200],
        ['http', 'GET', '/.well-known/acme-challenge/token', 'a.test', 200],
        ['http', 'GET', '/open/../x', 'a.test', 301, 'https://a.test/x'],
        ['http', 'GET', '/.well-known/acme-challenge/../../x', 'a.test', 301, 'https://a.test/x'],
    ) {
        my ($port, $method, $target, $host, $status, $to) = @$case;
        my $r = $w->get($port, $target, method => $method, headers => [Host => $host]);
        is($r->{status}, $status, "$method $target of $host");
        is(Weir::Client::header($r, 'Location'), $to, 'goes there');
    }
    my $c = $w->client('http');
    $c->send("GET / HTTP/1.0\r\n\r\n");
    is($c->read_response->{status}, 400, 'no host, nowhere to go');
    $c = $w->client('http');
    $c->send("PUT /x HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhelloGET /open/ HTTP/1.1\r\nHost: a.test\r\n\r\n");
    my @r = $c->read_responses(2);
    is(join(' ', map { $_->{status} } @r), '308 200', 'a body does not come between');
    is(at('a.test')->{status}, 200, 'with TLS it is served');
    for my $case (['trusted', 'https', 200], ['trusted', 'http, https', 200], ['trusted', 'http', 301], ['trusted', 'https, http', 301],
        ['trusted', 'xhttps', 301], ['http', 'https', 301]) {
        my ($port, $proto, $status) = @$case;
        is($w->get($port, '/', headers => [Host => 'a.test', 'X-Forwarded-Proto' => $proto])->{status}, $status, "$port: \"$proto\" before Weir");
    }
};

subtest 'hsts' => sub {
    my $field = sub { my ($s) = @_; return join '|', $s->{said} =~ /^strict-transport-security: (.*?)\r?$/mgi };
    is($field->(at('a.test')), '', 'not without');
    is($field->(at('h.test', path => '/h/')), 'max-age=31536000', 'true');
    is($field->(at('h.test', path => '/none')), 'max-age=31536000', 'with an error too');
    is($field->(at('h.test', path => '/own/')), 'max-age=1', 'a route has the last word');
    is($field->(at('same.test')), 'max-age=2592000; includeSubDomains; preload', 'all of it');
    is($field->(at('same.test', path => '/up/sts')), 'max-age=2592000; includeSubDomains; preload', "in place of the server's");
    my $r = $w->get('http', '/h/', headers => [Host => 'h.test']);
    is($r->{status} . (Weir::Client::header($r, 'Strict-Transport-Security') // ''), '301', 'never in the clear');
};

subtest 'a host that the handshake was not for' => sub {
    for my $case (
        ['a.test', 'a.test', 200], ['a.test', 'same.test', 200], ['same.test', 'a.test', 200], ['a.test', 'nobody.test', 200],
        ['a.test', 'm.test', 421], ['a.test', 'M.test.', 421], ['a.test', 'm.test:443', 421], ['m.test', 'a.test', 421],
        ['M.TEST', 'm.test', 200], ['m.test.', 'm.test', 200], ['a.test', 't.test', 421], ['t.test', 'a.test', 421],
        ['t.test', 't.test', 200], [undef, 'a.test', 200], [undef, 'm.test', 421], [undef, 'n.test', 421], ['m.test', 'n.test', 421],
        ['nobody.test', 'n.test', 421],
    ) {
        my ($sni, $host, $status) = @$case;
        is(at($host, sni => $sni)->{status}, $status, ($sni // 'no name') . " and $host");
    }
};

subtest 'weir explain' => sub {
    my $explain = sub { my $r = $w->run('explain', '-c', $w->dir . '/weir.conf', @_); return $r->{out} };
    my ($tls, $http) = map { $w->port($_) } qw(tls http);
    my $text = $explain->("http://a.test:$http/x?y");
    like($text, qr/^answer +301: https_only: .*\nLocation +https:\/\/a\.test\/x\?y$/m, 'https_only');
    like($explain->('-X', 'POST', "http://a.test:$http/x"), qr/^answer +308: /m, 'with another method');
    $text = $explain->("https://same.test:$tls/");
    like($text, qr/^hsts +Strict-Transport-Security: max-age=2592000; includeSubDomains; preload$/m, 'hsts');
    like($text, qr/^tickets +sealed by keys of this instance$/m, 'tickets');
    like($explain->('-H', 'Host: m.test', "https://a.test:$tls/"), qr/^answer +421: the name that TLS asked for/m, 'another name in the handshake');
    like($explain->("https://a.test:$tls/named/x"), qr/^route +prefix \/named\//m, 'the condition sni');
    like($explain->('--json', "http://a.test:$http/"), qr/"location": ?"https:\/\/a\.test\/"/, 'JSON');
};
$w->stop_ok;

done_testing;
