#!/usr/bin/env perl

# Servers found by DNS and in a servers_file, with a name server that does all it should not.

use strict;
use warnings;
use FindBin;
use JSON::PP;
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;
use Weir::Client qw(header);
use Weir::Dns;
use Weir::Load;
use Weir::Upstream;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 240;

# A port that is free on all addresses used here.
my $port = Weir::free_port();
my %up;
for my $ip (qw(127.0.0.1 127.0.0.2 127.0.0.3)) {
    $up{$ip} = Weir::Upstream->start(port => $port, address => $ip,
        script => {do => 'fixed', body => "$ip\n"});
}

my $top = <<'CONF';
workers = 2;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
state_dir = "{{dir}}/state";
drain_timeout = "5s";
resolver = [ "127.0.0.1:{{dns}}" ];
listeners = ( "127.0.0.1:{{http}}", { address = "127.0.0.1:{{admin}}"; admin = true; } );
CONF

sub instance {
    my ($rest, %fill) = @_;
    my $w   = Weir->new(ports => [qw(http admin)]);
    my $dns = Weir::Dns->start(dir => $w->dir);
    # For the workers' user.
    mkdir "$w->{dir}/state";
    chmod 0777, "$w->{dir}/state";
    $w->{fill} = {dns => $dns->port, up => $port, %fill};
    $w->conf($top . $rest);
    $w->allow(qr/ cannot resolve /);
    return ($w, $dns);
}

sub upstream_of {
    my ($w, $name) = @_;
    my $r = $w->get('admin', "/api/v1/upstreams/$name", headers => [Host => 'localhost']);
    return JSON::PP->new->utf8->decode($r->{body});
}

# "NAME", "NAME*3" (weight), "NAME-" (backup) of the servers, sorted; by state otherwise than "up".
sub servers {
    my ($w, $name) = @_;
    return join ' ', sort map {
        $_->{name} =~ s/:$port\z//r . ($_->{weight} == 1 ? '' : "*$_->{weight}") . ($_->{backup} ? '-' : '')
            . ($_->{state} eq 'up' ? '' : "($_->{state})")
    } @{upstream_of($w, $name)->{servers}};
}

sub servers_are {
    my ($w, $name, $want, $text) = @_;
    my $got = '';
    Weir::wait_for(sub { $got = eval { servers($w, $name) } // "error: $@"; $got eq $want });
    return is($got, $want, $text);
}

# Bodies of 12 answers on fresh connections, each once.
sub answers {
    my ($w, $path) = @_;
    my %seen;
    for (1 .. 12) {
        my $r = $w->get('http', $path);
        $seen{$r->{status} == 200 ? $r->{body} =~ s/\n//r : $r->{status}}++;
    }
    return join ' ', sort keys %seen;
}

# All workers, whichever takes the connections, answer so.
sub answers_are {
    my ($w, $path, $want, $text) = @_;
    my $got;
    Weir::wait_for(sub { $got = answers($w, $path); $got eq $want });
    return is($got, $want, $text);
}

sub reload {
    my ($w) = @_;
    my $r = $w->run('-s', 'reload', '-c', '{{dir}}/weir.conf');
    return $r->{exit} // 'late';
}

sub keeper_of {
    my ($w) = @_;
    for my $pid ($w->children) {
        open my $fh, '<', "/proc/$pid/comm" or next;
        return $pid if (readline($fh) // '') =~ /keeper/;
    }
    return 0;
}

sub no_failure {
    my ($load, $text) = @_;
    my $r = $load->stop;
    ok($r->{requests} > 0 && !@{$r->{failures}}, $text);
    diag($_) for @{$r->{failures}};
    return;
}

# ---- addresses that come and go, with an upstream whose name never answers beside
{
    my ($w, $dns) = instance(<<'CONF');
upstreams = (
    { name = "app"; servers = ( { address = "app.test:{{up}}"; resolve = true; } ); },
    { name = "dead"; resolve = true; servers = ( "dead.test:{{up}}" ); },
    { name = "both"; servers = ( { address = "both.test:{{up}}"; resolve = true; }, { address = "dead.test:{{up}}"; resolve = true; } ); }
);
sites = ( { routes = ( { prefix = "/dead"; proxy = "dead"; }, { prefix = "/both"; proxy = "both"; }, { prefix = "/"; proxy = "app"; } ); } );
CONF
    $dns->set('app.test'  => {A => ['127.0.0.1', '127.0.0.2'], ttl => 1});
    $dns->set('both.test' => {A => ['127.0.0.3'], ttl => 1});
    $dns->set('dead.test' => {do => 'silence'});
    $w->start;
    ok($w->pid, 'a name that is not answered does not keep Weir from starting');
    is(answers($w, '/'), '127.0.0.1 127.0.0.2', 'the first requests find all addresses of a name');
    $w->allow(qr/"GET \/dead" -> 503/);
    is(answers($w, '/dead'), '503', 'a name without an address: 503');
    is(servers($w, 'dead'), 'dead.test(unresolved)', 'and the API says why');
    servers_are($w, 'both', '127.0.0.3 dead.test(unresolved)', 'beside a name that has some');

    my $load = Weir::Load->start(port => $w->port('http'), mode => 'keepalive');
    my $more = Weir::Load->start(port => $w->port('http'), mode => 'close');
    $dns->set('app.test' => {A => ['127.0.0.2', '127.0.0.3'], ttl => 1});
    servers_are($w, 'app', '127.0.0.2 127.0.0.3', 'looked up again by its time to live');
    answers_are($w, '/', '127.0.0.2 127.0.0.3', 'all workers follow');
    ok($w->wait_log(qr/upstream app: app\.test:$port has 2 addresses now: \+ 127\.0\.0\.3:$port, - 127\.0\.0\.1:$port/),
        'each change is a line in the log');
    $dns->set('both.test' => {A => ['127.0.0.1'], ttl => 1});
    servers_are($w, 'both', '127.0.0.1 dead.test(unresolved)', 'what a name no longer has goes, whatever another does');

    # Answers that are none leave what was found before.
    for my $do (qw(nxdomain servfail garbage cut wrong_id loop silence)) {
        my $errors = upstream_of($w, 'app')->{discovery}[0]{errors};
        $dns->set('app.test' => {do => $do, A => ['127.0.0.1'], ttl => 1});
        ok(Weir::wait_for(sub { upstream_of($w, 'app')->{discovery}[0]{errors} > $errors }, 30), "$do is an error");
        is(servers($w, 'app'), '127.0.0.2 127.0.0.3', "$do: the addresses found before stay");
        $dns->set('app.test' => {A => ['127.0.0.2', '127.0.0.3'], ttl => 1});
        ok(Weir::wait_for(sub { upstream_of($w, 'app')->{discovery}[0]{ok} }, 30), "$do: and it recovers");
    }
    $dns->set('app.test' => {A => [], ttl => 1});
    ok(Weir::wait_for(sub { !upstream_of($w, 'app')->{discovery}[0]{ok} }), 'an answer without an address is an error');
    is(servers($w, 'app'), '127.0.0.2 127.0.0.3', 'and takes none away');

    # Reload and the keeper's death, with no name server at all.
    $dns->stop;
    my $keeper = keeper_of($w);
    kill KILL => $keeper;
    $w->allow(qr/keeper.*(?:killed|ended|signal)/i, qr/signal 9/);
    ok(Weir::wait_for(sub { my $k = keeper_of($w); $k && $k != $keeper }), 'the keeper was killed and another is there');
    servers_are($w, 'app', '127.0.0.2 127.0.0.3', 'the addresses stay when the keeper dies and no name is answered');
    is(reload($w), 0, 'a reload while no name is answered');
    servers_are($w, 'app', '127.0.0.2 127.0.0.3', 'keeps the addresses');
    is(answers($w, '/'), '127.0.0.2 127.0.0.3', 'in the new workers too');
    for my $call ('PATCH {"state":"down"}', 'PATCH {"weight":3}', 'DELETE') {
        my ($method, $body) = split / /, $call, 2;
        my $r = $w->get('admin', "/api/v1/upstreams/app/servers/app.test:$port", method => $method,
            headers => [Host => 'localhost', 'Content-Type' => 'application/json'], body => $body // '');
        is($r->{status}, 409, "$method of a name that is resolved would have no effect");
        like($r->{body}, qr/change its addresses one by one/, 'and it is said what would have');
    }
    no_failure($load, 'no request failed meanwhile (keep-alive)');
    no_failure($more, 'no request failed meanwhile (new connections)');

    my $metrics = $w->get('admin', '/metrics', headers => [Host => 'localhost'])->{body};
    like($metrics, qr/^weir_upstream_resolve_errors_total\{upstream="app",name="app\.test:$port"\} [1-9]/m, 'errors are counted');
    like($metrics, qr/^weir_upstream_resolve_age_seconds\{upstream="dead",name="dead\.test:$port"\} \+Inf/m, 'the age of what was never found');
    like($metrics, qr/^weir_upstream_resolve_servers\{upstream="app",name="app\.test:$port"\} \d/m, 'servers found');
    like($w->run('explain', '-c', '{{dir}}/weir.conf', 'http://localhost:{{http}}/')->{out}, qr/app\.test:$port weight 1, not resolved yet/,
        'explain says what is not known before Weir runs');
    $w->stop_ok;
}

# ---- both families, SRV, truncation, /etc/hosts, TTL
{
    my ($w, $dns) = instance(<<'CONF');
upstreams = (
    { name = "six"; servers = ( { address = "six.test:{{up}}"; resolve = true; } ); },
    { name = "srv"; servers = ( { address = "_http._tcp.srv.test"; resolve = true; } ); },
    { name = "long"; servers = ( { address = "long.test:{{up}}"; resolve = true; weight = 7; } ); },
    { name = "hosts"; servers = ( { address = "localhost:{{up}}"; resolve = true; } ); },
    { name = "off"; servers = ( { address = "off.test:{{up}}"; resolve = true; down = true; }, "127.0.0.1:{{up}}" ); }
);
sites = ( { routes = ( { prefix = "/srv"; proxy = "srv"; }, { prefix = "/hosts"; proxy = "hosts"; }, { prefix = "/"; proxy = "six"; } ); } );
CONF
    $dns->set('six.test'  => {A => ['127.0.0.1'], AAAA => ['::1', '2001:db8::7'], ttl => 1});
    $dns->set('long.test' => {A => ['127.0.0.2'], do => 'truncated', ttl => 1});
    $dns->set('_http._tcp.srv.test' => {ttl => 1,
        SRV => [[10, 60000, $port, 'a.test'], [10, 30000, $port, 'b.test'], [20, 30000, $port, 'c.test'], [5, 1, $port, 'none.test']]});
    $dns->set('a.test' => {A => ['127.0.0.1']});
    $dns->set('b.test' => {A => ['127.0.0.2']});
    $dns->set('c.test' => {A => ['127.0.0.3']});
    $w->start;
    servers_are($w, 'six', "127.0.0.1 [2001:db8::7] [::1]", 'A and AAAA');
    servers_are($w, 'long', '127.0.0.2*7', 'a truncated answer is asked for again by TCP; the weight is that of the name');
    servers_are($w, 'srv', '127.0.0.1*256- 127.0.0.2*128- 127.0.0.3*128-', 'SRV: all behind a lower priority are backups');
    is(answers($w, '/srv'), '127.0.0.1 127.0.0.2 127.0.0.3', 'which take requests when there is none before them')
        || diag(servers($w, 'srv'));
    $dns->set('_http._tcp.srv.test' => {ttl => 1,
        SRV => [[10, 60000, $port, 'a.test'], [10, 30000, $port, 'b.test'], [20, 0, $port, 'c.test']]});
    servers_are($w, 'srv', '127.0.0.1*256 127.0.0.2*128 127.0.0.3-', 'the lowest priority serves, weights are scaled');
    $dns->set('b.test' => {do => 'servfail'});
    ok(Weir::wait_for(sub { upstream_of($w, 'srv')->{discovery}[0]{errors} > 0 }), 'a target that fails is an error');
    is(servers($w, 'srv'), '127.0.0.1*256 127.0.0.2*128 127.0.0.3-', 'its addresses stay');
    servers_are($w, 'hosts', do { my $h = servers($w, 'hosts'); $h =~ /127\.0\.0\.1/ ? $h : '127.0.0.1' }, '/etc/hosts counts');
    is($dns->asked('localhost'), 0, 'and comes before the name server');
    is($dns->asked('off.test'), 0, 'what is down is not looked up');

    # One family fails: what is known of it stays, the other is followed.
    $dns->set('six.test' => {A => ['127.0.0.2'], AAAA => ['::1'], do => 'servfail', only => 'AAAA', ttl => 1});
    servers_are($w, 'six', "127.0.0.2 [2001:db8::7] [::1]", 'a family that fails leaves its addresses, the other is followed');
    $dns->set('six.test' => {A => ['127.0.0.2'], AAAA => [], ttl => 300});
    servers_are($w, 'six', '127.0.0.2', 'no address of a family is an answer');
    my $asked = $dns->asked('six.test');
    $dns->set('six.test' => {A => ['127.0.0.1'], ttl => 1});
    my $long = $dns->asked('long.test');
    ok(Weir::wait_for(sub { $dns->asked('long.test') > $long + 3 }), 'a time to live of a second: asked again soon');
    is($dns->asked('six.test'), $asked, 'one of minutes: not asked again yet');
    $w->stop_ok;
}

# ---- servers_file
{
    my ($w, $dns) = instance(<<'CONF', body => 'one');
upstreams = ( { name = "app"; servers_file = "{{dir}}/servers"; } );
sites = ( { routes = ( { prefix = "/"; proxy = "app"; } ); } );
CONF
    my $put = sub {    # by rename, as programs do
        my ($text) = @_;
        $w->write('servers.new', $text);
        rename $w->dir . '/servers.new', $w->dir . '/servers' or die "rename: $!";
    };
    my $r = $w->run('-t', '-c', '{{dir}}/weir.conf');
    is($r->{exit}, 1, '-t: a missing file is an error');
    like($r->{err}, qr{weir\.conf:\d+: the servers_file \S+/servers cannot be used: .*No such file}, 'that says where');
    $w->write('servers', "# none\n");
    like($w->run('-t', '-c', '{{dir}}/weir.conf')->{err}, qr/names no server; write/, '-t: an empty one too');
    $w->write('servers', "127.0.0.1:$port\n10.0.0.1\n127.0.0.2:$port wight=3\n127.0.0.1:$port\n");
    $r = $w->run('-t', '-c', '{{dir}}/weir.conf');
    like($r->{err}, qr{/servers:2: "10\.0\.0\.1" is not the address of a server; write IP:PORT}, '-t: FILE:LINE of a wrong address');
    like($r->{err}, qr{/servers:3: "wight=3" is not known here; write ADDRESS}, 'of a wrong word');
    like($r->{err}, qr{/servers:4: "127\.0\.0\.1:$port" stands in the file before}, 'of what is there twice');

    $put->("# two\n127.0.0.1:$port\n  127.0.0.2:$port\tweight=2 name=second  # the other\n\n");
    is($w->run('-t', '-c', '{{dir}}/weir.conf')->{exit}, 0, '-t of a right one');
    SKIP: {
        skip 'not root', 1 if $> != 0;
        chmod 0600, $w->dir . '/servers';
        like($w->run('-t', '-c', '{{dir}}/weir.conf')->{err}, qr/may not read the servers_file/, '-t: one that the workers\' user may not read');
        chmod 0644, $w->dir . '/servers';
    }
    like($w->run('explain', '-c', '{{dir}}/weir.conf', "http://localhost:{{http}}/")->{out}, qr/^sent +Host: localhost:\d+\n +X-Forwarded-For: /m,
        'explain: what the servers are sent');
    $w->start;
    is(answers($w, '/'), '127.0.0.1 127.0.0.2', 'the first requests find the servers of the file');
    is(servers($w, 'app'), '127.0.0.1 second*2', 'with names and weights');
    my $load = Weir::Load->start(port => $w->port('http'), mode => 'keepalive');
    my $more = Weir::Load->start(port => $w->port('http'), mode => 'close');

    $put->("127.0.0.2:$port\n127.0.0.3:$port backup\n");
    servers_are($w, 'app', '127.0.0.2 127.0.0.3-', 'another file renamed into its place');
    answers_are($w, '/', '127.0.0.2', 'all workers follow; backups wait');
    $w->write('servers', "127.0.0.1:$port\n127.0.0.3:$port\n");
    servers_are($w, 'app', '127.0.0.1 127.0.0.3', 'edited in place');

    # What was added at run time and is named by the file later is one server, which keeps what was said of it.
    my $call = sub {
        my ($method, $path, $json) = @_;
        my $a = $w->get('admin', "/api/v1/upstreams/app/servers$path", method => $method, body => $json // '',
            headers => [Host => 'localhost', 'Content-Type' => 'application/json']);
        return "$a->{status} " . JSON::PP->new->utf8->decode($a->{body})->{$a->{status} < 300 ? 'text' : 'error'};
    };
    like($call->('POST', '', qq({"address":"127.0.0.1:$port"})), qr/^409 .*"127\.0\.0\.1:$port" at \S+ already \(its servers_file has it\)/,
        'what the file has is not added again');
    like($call->('DELETE', "/127.0.0.1:$port"), qr/^409 .*would be found again \(its servers_file has it\): take it down instead, or out of that file/,
        'nor taken out');
    like($call->('POST', '', qq({"address":"127.0.0.2:$port","name":"extra","weight":5})), qr/^201 /, 'another one is added');
    like($call->('PATCH', '/extra', '{"state":"down"}'), qr/^200 /, 'and taken down');
    like($w->read('state/changes'), qr/"extra".*"down"/, 'which is saved');
    $put->("127.0.0.1:$port\n127.0.0.2:$port weight=2\n127.0.0.3:$port\n");
    servers_are($w, 'app', '127.0.0.1 127.0.0.2*5(down) 127.0.0.3', 'the file has it by now: one server, still down, with its weight');
    ok(Weir::wait_for(sub { $w->read('state/changes') =~ /\A[^\n]*"127.0.0.2:$port"[^\n]*\n\z/ }), 'which is what is saved');
    like($call->('DELETE', "/127.0.0.2:$port"), qr/^409 .*would be found again/, 'it is the file\'s now');
    $put->("127.0.0.1:$port\n127.0.0.3:$port\n");
    servers_are($w, 'app', '127.0.0.1 127.0.0.3', 'and goes with it');
    like($call->('POST', '', qq({"address":"127.0.0.2:$port","name":"taken"})), qr/^201 /, 'one more');
    $put->("127.0.0.1:$port name=taken\n127.0.0.3:$port\n");
    ok($w->wait_log(qr{warn .*upstream app: added at run time, and dropped, since \S+/servers has other servers of these names: - taken}), 'a name that the file takes is told');
    servers_are($w, 'app', '127.0.0.3 taken', 'and is the file\'s');
    $put->("127.0.0.1:$port\n127.0.0.3:$port\n");
    servers_are($w, 'app', '127.0.0.1 127.0.0.3', 'as before');
    $w->allow(qr/added at run time, and dropped/);

    # What cannot be read leaves the old set, wholly.
    $w->allow(qr{/servers(:\d+)?: }, qr/the servers found before stay/);
    for my $broken (["127.0.0.2:$port\nnonsense\n", qr{/servers:2: "nonsense" is not the address}], ["\n", qr{/servers: it names no server}],
        ["127.0.0.2:$port weight=257\n", qr{/servers:1: "weight=257" is not a weight}], ["\xff\x00\x1b[31m:80\n", qr{/servers:1: "\\xFF\\x00\\x1B}i],
        ["127.0.0.2:$port #" . 'x' x (1024 * 1024) . "\n", qr{/servers: it is larger than}]) {
        $put->($broken->[0]);
        ok($w->wait_log($broken->[1]), "a broken file is reported: $broken->[1]");
        is(servers($w, 'app'), '127.0.0.1 127.0.0.3', 'and the old servers stay');
    }
    my $long = 'x' x 120;
    $put->("$long\n\n\n$long\n");
    my $whole = qr{line 1: "$long" is not the address of a server; write IP:PORT, \[IPv6\]:PORT or unix:/PATH; 2 errors in all};
    ok(Weir::wait_for(sub { upstream_of($w, 'app')->{discovery}[0]{reason} =~ $whole }), 'the API has the whole error')
        or diag explain(upstream_of($w, 'app')->{discovery});
    my $shown = $w->run('ctl', '-c', '{{dir}}/weir.conf', 'upstreams', 'app')->{out};
    like($shown, qr{^  \S+/servers: 2 servers found, last at \d{4}-\S+Z; FAILS \(\d+ so far\): $whole\n}m, 'weir ctl upstreams shows it');
    unlink $w->dir . '/servers' or die;
    ok($w->wait_log(qr{/servers: the file is gone}), 'a file that is gone is reported');
    is(servers($w, 'app'), '127.0.0.1 127.0.0.3', 'and the old servers stay');
    ok(!upstream_of($w, 'app')->{discovery}[0]{ok}, 'which the API says');
    isnt(reload($w), 0, 'a reload without the file is refused');
    my $keeper = keeper_of($w);
    kill KILL => $keeper;
    $w->allow(qr/keeper.*(?:killed|ended|signal)/i, qr/signal 9/, qr/servers_file/, qr/configuration/);
    ok(Weir::wait_for(sub { my $k = keeper_of($w); $k && $k != $keeper }), 'the keeper was killed and another is there');
    servers_are($w, 'app', '127.0.0.1 127.0.0.3', 'the servers stay when the keeper dies');
    $put->("127.0.0.2:$port\n127.0.0.3:$port\n");
    servers_are($w, 'app', '127.0.0.2 127.0.0.3', 'the file is back, and followed');
    is(reload($w), 0, 'a reload');
    $put->("127.0.0.3:$port\n127.0.0.1:$port\n");
    servers_are($w, 'app', '127.0.0.1 127.0.0.3', 'the new generation follows the file');
    answers_are($w, '/', '127.0.0.1 127.0.0.3', 'in all workers');
    no_failure($load, 'no request failed meanwhile (keep-alive)');
    no_failure($more, 'no request failed meanwhile (new connections)');

    # From the file to servers of the configuration, and back.
    my $conf = $w->read('weir.conf');
    $w->write('weir.conf', $conf =~ s/servers_file = "[^"]*"/servers = ( "127.0.0.2:$port" )/r);
    is(reload($w), 0, 'a reload to servers of the configuration');
    servers_are($w, 'app', '127.0.0.2', 'those of the file go when the former generation has ended');
    $w->write('weir.conf', $conf);
    is(reload($w), 0, 'and back');
    is(answers($w, '/'), '127.0.0.1 127.0.0.3', 'the servers of the file are there at once');
    $w->stop_ok;
}

# ---- one server in `servers` and in the file: the configuration's counts, at the start as while it runs
{
    my ($w, $dns) = instance(<<'CONF');
upstreams = ( { name = "app"; servers_file = "{{dir}}/servers";
    servers = ( { address = "127.0.0.1:{{up}}"; name = "first"; weight = 3; }, "127.0.0.2:{{up}}" ); } );
sites = ( { routes = ( { prefix = "/"; proxy = "app"; } ); } );
CONF
    my $warned = qr{warn .*upstream app: the server 127\.0\.0\.1:$port \(127\.0\.0\.1:$port\) of \S+/servers is not used: `servers` has first \(127\.0\.0\.1:$port\), line \d+};
    my $count = sub { return scalar grep { $_ =~ $warned } $w->log_lines };
    $w->allow(qr/is not used: `servers` has/);
    $w->write('servers', "127.0.0.3:$port\n");
    $w->start;
    servers_are($w, 'app', '127.0.0.2 127.0.0.3 first*3', 'nothing is there twice');
    is($count->(), 0, 'and nothing to be told');
    $w->write('servers', "127.0.0.1:$port\n127.0.0.2:$port weight=9\n127.0.0.3:$port\n");
    ok(Weir::wait_for(sub { $count->() == 1 }), 'a server that `servers` has is told of, while Weir runs');
    is(servers($w, 'app'), '127.0.0.2 127.0.0.3 first*3', 'and is there once, as the configuration has it');
    my $r = $w->run('-t', '-c', '{{dir}}/weir.conf');
    is($r->{exit}, 0, 'a file that holds while Weir runs is valid at its start');
    like($r->{err}, qr{weir\.conf:\d+: warning: the server "first" is in \S+/servers too, as "127\.0\.0\.1:$port", which is not used; keep it},
        'with a warning');
    is(reload($w), 0, 'and at a reload');
    ok(Weir::wait_for(sub { $count->() == 2 }), 'told again');
    is(servers($w, 'app'), '127.0.0.2 127.0.0.3 first*3', 'the same servers');
    $w->stop_ok;
    $w->start;
    servers_are($w, 'app', '127.0.0.2 127.0.0.3 first*3', 'and after the next start');
    $w->stop_ok;
}

# ---- what -t says
{
    my ($w, $dns) = instance(<<'CONF');
upstreams = (
    { name = "a"; servers = ( { address = "name.test"; resolve = true; } ); },
    { name = "b"; servers = ( { address = "never.invalid:80"; resolve = true; } ); },
    { name = "c"; servers = ( { address = "127.0.0.1:80"; resolve = true; } ); },
    { name = "d"; servers = ( { address = "_http._tcp.name.test"; } ); }
);
CONF
    my $r = $w->run('-t', '-c', '{{dir}}/weir.conf');
    is($r->{exit}, 1, '-t refuses');
    like($r->{err}, qr/:\d+: "name\.test" cannot be resolved; write NAME:PORT/, 'a name without a port');
    like($r->{err}, qr/:\d+: "_http\._tcp\.name\.test" is not the address of a server/, 'SRV without resolve');
    unlike($r->{err}, qr/never\.invalid/, 'a name that is resolved later is not looked up');
    is($dns->asked('never.invalid'), 0, 'nor asked for');
    $w->conf(($top =~ s/\[ "127.*?\]/[ "dns.test", "unix:\/x" ]/r) . 'sites = ( { routes = ( { prefix = "\/"; respond = 204; } ); } );');
    $r = $w->run('-t', '-c', '{{dir}}/weir.conf');
    like($r->{err}, qr/"dns\.test" is not the address of a name server; write its IP address/, 'a name server called by its name');
    like($r->{err}, qr/"unix:\/x" is not the address of a name server/, 'or a socket');
}

$_->stop for values %up;
done_testing;
