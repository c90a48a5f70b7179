# weir explain: which listener, site and route take a request and why no other, what is rewritten and sent, as text and
# as JSON, without a listener being opened.
use strict;
use warnings;
use FindBin;
use JSON::PP;
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;

my $weir = Weir->new(ports => [qw(http other)], conf => <<'CONF');
control = "unix:{{dir}}/control.sock";
pid_file = "{{dir}}/weir.pid";
listeners = ( { address = "127.0.0.1:{{http}}"; }, { address = "*:{{other}}"; sites = [ "plain" ]; } );
upstreams = (
  { name = "app"; servers = ( { address = "10.0.0.1:8080"; weight = 5; }, { address = "10.0.0.2:8080"; backup = true; } ); },
  { name = "by-user"; balance = { method = "url_param"; name = "user"; }; hash_method = "consistent";
    servers = ( { name = "a"; address = "10.0.0.1:8080"; }, { name = "b"; address = "10.0.0.2:8080"; } );
    divert = ( { to = "gone"; when = ( { cookie = "gone"; } ); }, { to = "app"; when = ( { query = "app"; } ); } ); },
  { name = "gone"; servers = ( { address = "10.0.0.3:8080"; down = true; } ); }
);
sites = (
  { name = "main"; hosts = [ "example.com", "~^www(\\d+)\\.example\\.com$" ];
    routes = (
      { name = "old"; exact = "/old"; redirect = { to = "https://$host/new?from=$path"; status = 301; }; },
      { name = "get"; prefix = "/only-get"; proxy = "app"; when = ( { method = [ "GET" ]; } ); },
      { name = "static"; prefix = "/static/"; final = true; root = "{{dir}}"; },
      { name = "image"; regex = "^/(.+)\\.png$"; proxy = "app"; },
      { name = "de"; prefix = "/page"; proxy = "app"; when = ( { language = [ "de" ]; } ); },
      { name = "en"; prefix = "/page"; proxy = "app"; when = ( { language = [ "en" ]; } ); },
      { name = "api"; prefix = "/api/"; proxy = "app";
        rewrite = ( { regex = "^/api/v1/(.*)$"; to = "/api/$1?v=1"; } );
        strip_prefix = "/api"; add_prefix = "/v2";
        request_headers = { set = { X-Host = "$host"; X-None = "$arg_none"; }; remove = [ "X-Drop" ]; };
        response_headers = { set = { X-By = "weir"; }; }; },
      { name = "user"; prefix = "/user"; proxy = "by-user"; },
      { name = "rest"; prefix = "/rest"; respond = 204; when = ( { source = [ "10.0.0.0/8" ]; } ); },
      { name = "some"; prefix = "/some"; respond = 204; when = ( { percent = 50; } ); },
      { name = "hidden"; prefix = "/hidden"; internal = true; respond = 204; }
    ); },
  { name = "plain"; routes = ( { prefix = "/"; respond = { status = 200; body = "plain"; }; } ); }
);
CONF

my $conf   = "$weir->{conf}";
my $binary = Weir::binary();
my $base   = 'http://example.com:' . $weir->port('http');

# Runs the program without a shell; returns output, errors and the exit code.
sub asked {
    my (@args) = @_;
    my $err = $weir->dir . '/explain.err';
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>', $err or die "$err: $!\n";
        exec $binary, 'explain', @args or die "exec: $!\n";
    }
    local $/;
    my $text = <$out>;
    close $out;
    my $code = $? >> 8;
    return ($text, $weir->read('explain.err'), $code);
}

sub json {
    my ($out, $err, $code) = asked('-c', $conf, '--json', @_);
    is($code, 0, "explain @_") or diag($err);
    return decode_json($out);
}

# ---- which route
my @choices = (
    # options, target, route, why another was not taken
    [[], '/old', 'old', {image => qr/exact match wins/, static => qr/does not begin/}],
    [[], '/older', undef, {old => qr/another/}],
    [[], '/static/a.png', 'static', {image => qr/final/}],
    [[], '/a/b.png', 'image', {}],
    [[], '/a/../a/%62.png', 'image', {}],
    [[], '/api/b.png', 'image', {api => qr/regex wins/}],
    [['-H', 'Accept-Language: de;q=0.5, en'], '/page', 'en', {de => qr/another language/}],
    [['-H', 'Accept-Language: de'], '/page', 'de', {en => qr/same matcher/}],
    [['--from', '10.1.2.3'], '/rest', 'rest', {}],
    [[], '/rest', undef, {rest => qr/does not hold: source is 10\.0\.0\.0\/8/}],
    [[], '/hidden', undef, {hidden => qr/internal/}],
);
for my $row (@choices) {
    my ($options, $target, $route, $why) = @$row;
    my $got = json(@$options, $base . $target);
    is($got->{site}, 'main', "$target: site");
    is($got->{listener}, '127.0.0.1:' . $weir->port('http'), "$target: listener");
    is($got->{route} ? $got->{route}{name} : undef, $route, "$target: route");
    is($got->{status}, $route ? undef : 404, "$target: status");
    my %said = map { $_->{name} => $_ } @{$got->{candidates}};
    is(scalar(grep { $_->{taken} } values %said), $route ? 1 : 0, "$target: one is taken at most");
    like($said{$_}{why}, $why->{$_}, "$target: why not $_") for sort keys %$why;
}

# ---- method, site, captures
is(json('-X', 'POST', "$base/only-get")->{status}, 405, 'wrong method');
my $numbered = json('-H', 'Host: www12.example.com', "$base/old");
is("$numbered->{site} $numbered->{to}", 'main https://www12.example.com/new?from=/old', 'host by -H, redirect');
is(json('http://example.com:' . $weir->port('other') . '/old')->{site}, 'plain', 'the other listener');
is(json('/old')->{site}, 'plain', 'a path alone: the first listener, no host');
is_deeply(json("$base/a/b.png")->{captures}, ['a/b'], 'captures');

# ---- what happens to it
my $api = json("$base/api/v1/x?q=1");
is_deeply([map { $_->{path} } @{$api->{rewrite}}], ['/api/x?v=1', '/x?v=1', '/v2/x?v=1'], 'the path step by step');
is($api->{forward}, '/v2/x?v=1', 'and at the end');
is("$api->{upstream} $api->{balance}", 'app round_robin', 'upstream');
is_deeply([map { "$_->{address} $_->{weight} " . ($_->{backup} ? 1 : 0) } @{$api->{servers}}],
    ['10.0.0.1:8080 5 0', '10.0.0.2:8080 1 1'], 'servers');
is_deeply([map { "$_->{do} $_->{name} " . ($_->{value} // '-') } @{$api->{request_headers}}],
    ['remove X-Drop -', 'set X-Host example.com', 'set X-None '], 'request headers');
is_deeply([map { "$_->{do} $_->{name} $_->{value}" } @{$api->{response_headers}}], ['set X-By weir'],
    'response headers');

# ---- which upstream and server
my $user = json("$base/user?user=anna");
is("$user->{upstream} $user->{balance} $user->{balance_key}", 'by-user url_param anna', 'the key');
like($user->{server}, qr/\A[ab]\z/, 'the server of the key');
is(json("$base/user/other?x=1&user=anna")->{server}, $user->{server}, 'always the same');
my %servers = map { json("$base/user?user=$_")->{server} => 1 } 1 .. 12;
is(join(' ', sort keys %servers), 'a b', 'other keys, other servers');
like($user->{server_why}, qr/\Ahash \(consistent\) of the parameter "user"\z/, 'and why');
my $keyless = json('-H', 'Cookie: gone=1', "$base/user");
is($keyless->{server}, undef, 'no server without a key');
like($keyless->{server_why}, qr/no key .*the parameter "user".*in turn/, 'and why not');
is($keyless->{diverted_from}, undef, 'not diverted to where nobody can be used');
my $diverted = json("$base/user?app");
is("$diverted->{upstream} $diverted->{diverted_from} $diverted->{servers}[0]{address}", 'app by-user 10.0.0.1:8080', 'diverted');
my ($chosen) = asked('-c', $conf, "$base/user?user=anna");
like($chosen, qr/^key +"anna"\nserver +$user->{server}: hash \(consistent\) of the parameter "user"$/m, 'in the text too');
like((asked('-c', $conf, "$base/user?app"))[0], qr/^diverted +from by-user: the conditions hold\nupstream +app,/m, 'and the diversion');

my $static = json("$base/static/x");
is($static->{root}, $weir->dir, 'root');
is($static->{upstream}, undef, 'no upstream');

# ---- diversions: each that was asked, and why
is_deeply([map { [$_->{to}, $_->{taken} ? 1 : 0, $_->{why}] } @{$keyless->{diverts}}],
    [['gone', 0, 'its conditions hold, but gone has no usable server'], ['app', 0, 'does not hold: query app is present']],
    'why none was taken');
is_deeply([map { [$_->{to}, $_->{taken} ? 1 : 0, $_->{why}] } @{$diverted->{diverts}}],
    [['gone', 0, 'does not hold: cookie gone is present'], ['app', 1, 'taken']], 'and why one was');
like((asked('-c', $conf, "$base/user"))[0], qr/^diverts +- to gone  \(\S+weir\.conf:\d+\): does not hold: cookie gone is present\n +- to app  /m,
    'in the text, where none holds');
is($user->{by_chance} ? 1 : 0, 0, 'nothing is left to chance');

# A percentage without a secret of the file cannot be known; with one it can, as when another condition decides.
{
    my $lottery = sub {
        my ($top, $when, @options) = @_;
        $weir->write('lottery.conf', $weir->fill(<<"CONF"));
$top
listeners = ( "127.0.0.1:{{http}}" );
upstreams = ( { name = "a"; servers = "10.0.0.1:80"; divert = ( { to = "b"; when = ( $when ); } ); },
  { name = "b"; servers = "10.0.0.2:80"; } );
sites = ( { proxy = "a"; } );
CONF
        return json('-c', $weir->dir . '/lottery.conf', @options, $base . '/');
    };
    for my $row (
        ['', '{ percent = 50; }', 1], ['', '{ percent = 50; not = true; }', 1], ['', '{ any = ( { percent = 50; } ); }', 1],
        ['', '{ percent = 50; }, { cookie = "c"; }', 0], ['', '{ any = ( { percent = 50; }, { method = "GET"; } ); }', 0],
        ['', '{ percent = 100; }', 0], ['', '{ percent = 0; }', 0], ['secret = "s";', '{ percent = 50; }', 0],
    ) {
        my ($top, $when, $open) = @$row;
        my $got = $lottery->($top, $when);
        is($got->{by_chance} ? 1 : 0, $open, "$top $when: is it left to chance");
        is(exists $got->{diverts}[0]{taken} && !defined $got->{diverts}[0]{taken} ? 1 : 0, $open, 'taken is unknown');
        is($got->{upstream}, 'a', 'what is shown is as if it did not hold') if $open;
    }
    $lottery->('', '{ percent = 50; }');
    my ($said) = asked('-c', $weir->dir . '/lottery.conf', "$base/");
    like($said, qr/^diverts +\? to b .*cannot be known here.*secret.*\nnote +.*marked "\?".*secret/m, 'the text says so');
}

# ---- methods that files do not take: it is the answer of the server
{
    my $w = Weir->new(conf => <<'CONF');
error_log = { path = "{{dir}}/error.log"; };
listeners = ( "127.0.0.1:{{http}}" );
sites = ( { routes = ( { prefix = "/f/"; root = "{{dir}}"; }, { prefix = "/status"; status = true; }, { prefix = "/r"; respond = 204; } ); } );
CONF
    mkdir $w->dir . '/f';
    $w->write('f/a.txt', "a\n");
    $w->start;
    for my $row (['GET', '/f/a.txt', 200], ['HEAD', '/f/a.txt', 200], ['POST', '/f/a.txt', 405], ['OPTIONS', '/f/a.txt', 405],
        ['POST', '/status', 405], ['GET', '/status', 200], ['POST', '/r', 204]) {
        my ($method, $path, $status) = @$row;
        my $c = $w->client('http');
        $c->send("$method $path HTTP/1.1\r\nHost: a.test\r\nContent-Length: 0\r\n\r\n");
        is($c->read_response(method => $method)->{status}, $status, "$method $path");
        my $url = 'http://a.test:' . $w->port('http') . $path;
        is(json('-c', $w->{conf}, '-X', $method, $url)->{status_if_found} // 0, $status == 405 ? 405 : 0, 'explain says it');
        my ($said) = asked('-c', $w->{conf}, '-X', $method, $url);
        is($said =~ /^answer +405 to $method, where what is asked for is there: .*GET and HEAD$/m ? 1 : 0, $status == 405 ? 1 : 0, 'in the text');
    }
    $w->stop_ok;
}

# ---- text
my ($text, $err, $code) = asked('-c', $conf, "$base/api/v1/x?q=1");
is($code, 0, 'text: exit code');
like($text, qr/^$_$/m, "text has $_")
    for qr/listener +127\.0\.0\.1:\d+ .*weir\.conf:3\)/, qr/site +main .*/, qr/path +\/api\/v1\/x\?q=1/,
    qr/ +\* prefix \/api\/ .*: taken/, qr/route +api: prefix \/api\/ .*weir\.conf:\d+\)/,
    qr/rewriting +rewrite .* -> \/api\/x\?v=1/, qr/ +set X-Host: example\.com  \(from "\$host"\)/,
    qr/forwarded +\/v2\/x\?v=1/, qr/upstream +app, round_robin .*/, qr/timeouts +connect 5s, .*/;

# ---- what Weir adds, what it answers, what is not shown
is_deeply($api->{sent_headers}, {Host => 'example.com:' . $weir->port('http'), 'X-Forwarded-For' => '127.0.0.1',
    'X-Forwarded-Proto' => 'http', 'X-Forwarded-Host' => 'example.com:' . $weir->port('http'), Via => '1.1 weir'},
    'fields of the forwarding');
like($text, qr/^sent +Host: example\.com:\d+\n +X-Forwarded-For: 127\.0\.0\.1\n/m, 'in the text too');
like($text, qr/^ +- 8 other routes: the path is not theirs/m, 'routes of other paths are counted');
unlike($text, qr/static/, 'not shown');
like((asked('-c', $conf, '--all', "$base/api/v1/x"))[0], qr/prefix \/static\/ .*does not begin/, 'but with --all');
my %site = map { $_->{name} => $_->{why} } @{$api->{sites}};
is($site{main}, 'taken: one of its hosts is "example.com"', 'why the site');
is($site{plain}, q(it has no hosts, and is not the listener's default), 'why no other');
my $plain = json('http://nobody.test:' . $weir->port('other') . '/old');
%site = map { $_->{name} => $_->{why} } @{$plain->{sites}};
is($site{main}, 'the listener does not serve it', 'a site of another listener');
like($site{plain}, qr/^taken: .* default/, 'a default site');
is("$plain->{respond_status} $plain->{body}", '200 plain', 'what is answered');
like((asked('-c', $conf, 'http://nobody.test:' . $weir->port('other') . '/old'))[0], qr/^body +5 bytes: "plain"$/m, 'in the text too');
like((asked('-c', $conf, "$base/some"))[0], qr/^note .*secret/m, 'what depends on a secret that was made up is said to');
unlike($text, qr/^note/m, 'and only that');

# ---- caches: the key as it comes out, and whether it is asked
{
    $weir->write('cache.conf', $weir->fill(<<'CONF'));
listeners = ( "127.0.0.1:{{http}}" );
upstreams = ( { name = "app"; servers = "10.0.0.1:80"; } );
caches = ( { name = "pages"; path = "memory"; size = "1m"; ignore_query = [ "utm_*", "ref" ]; sort_query = true; },
  { name = "all"; path = "memory"; size = "1m"; key = "$host$path?$query"; ignore_query = "*"; methods = "GET"; } );
sites = ( { routes = (
  { prefix = "/p/"; proxy = "app"; strip_prefix = "/p"; cache = { name = "pages"; bypass = ( { cookie = "sid"; }, { header = "X-Fresh"; is = "1"; } );
    no_store = ( { query = "private"; }, { status = "500-599"; } ); }; request_headers = { set = { X-Host = "$host"; }; }; },
  { prefix = "/all/"; proxy = "app"; cache = "all"; },
  { prefix = "/same/"; proxy = "app"; cache = { name = "all"; ignore_query = "none"; bypass = ( { percent = 50; } ); }; },
  { prefix = "/none/"; proxy = "app"; },
  { prefix = "/drop/"; purge = "pages"; when = ( { source = "127.0.0.0/8"; } ); } ); } );
CONF
    my $file = $weir->dir . '/cache.conf';
    my $port = $weir->port('http');
    for my $row (
        # URL, key
        ['/p/a?b=2&ref=x&a=1&utm_x=3', "httpexample.com:$port/p/a?a=1&b=2"], ['/p/a?ref=x', "httpexample.com:$port/p/a"],
        ['/p/a?', "httpexample.com:$port/p/a?"], ['/p/a', "httpexample.com:$port/p/a"], ['/p/./%61', "httpexample.com:$port/p/a"],
        ['/all/a?b=1', "example.com:$port/all/a?"], ['/same/?b=1', "example.com:$port/same/?b=1"],
    ) {
        is(json('-c', $file, $base . $row->[0])->{cache}{key}, $row->[1], "the key of $row->[0]");
    }
    is(json('-c', $file, '-H', 'Host: EXAMPLE.com:80', "http://example.com:$port/p/a")->{cache}{key}, 'httpexample.com/p/a', 'the usual port is none');
    my $asked = json('-c', $file, "$base/p/a")->{cache};
    is_deeply([@$asked{qw(name path bypass methods)}, $asked->{asked_for_method} ? 1 : 0], ['pages', 'memory', undef, ['GET', 'HEAD'], 1], 'asked');
    is($asked->{no_store}, 'if status is 500-599, which the answer decides', 'what only the answer shows');
    ok((grep { $_ eq 'X-Original-URL' } @{$asked->{removed}}) && !(grep { $_ eq 'X-Host' } @{$asked->{removed}}), 'fields that are taken out');
    is(json('-c', $file, '-H', 'Cookie: sid=1', "$base/p/a")->{cache}{bypass}, 'cookie sid is present', 'a reason to go past it');
    is(json('-c', $file, '-H', 'X-Fresh: 1', "$base/p/a")->{cache}{bypass}, 'header X-Fresh is 1', 'and the other');
    is(json('-c', $file, "$base/p/a?private=1")->{cache}{no_store}, 'query private is present', 'a reason not to store');
    like(json('-c', $file, "$base/same/")->{cache}{bypass}, qr/^if percent.*only the running Weir/, 'by chance');
    is(json('-c', $file, '-X', 'POST', "$base/p/a")->{cache}{asked_for_method} ? 1 : 0, 0, 'not for POST');
    is(json('-c', $file, '-X', 'HEAD', "$base/p/a")->{cache}{asked_for_method} ? 1 : 0, 1, 'but for HEAD');
    is(json('-c', $file, '-X', 'HEAD', "$base/all/a")->{cache}{asked_for_method} ? 1 : 0, 0, 'which `methods` may leave out');
    my $none = json('-c', $file, "$base/none/");
    ok(exists $none->{cache} && !defined $none->{cache}, 'no cache');
    is(json('-c', $file, "$base/drop/a")->{purge}, 'pages', 'one that is purged');
    my ($said) = asked('-c', $file, '-H', 'Cookie: sid=1', "$base/p/a?private");
    like($said, qr/^cache +pages, memory  \(\S+cache\.conf:3\)\ncache key  "httpexample\.com:$port\/p\/a\?private"\n/m, 'in the text: the key');
    like($said, qr/^cached +not asked \(bypass\): cookie sid is present\n +not stored \(no_store\): query private is present\n/m, 'why not');
    like($said, qr/^taken out  X-Forwarded-Prefix, .*X-Original-URL.* \(of GET and HEAD, as they are not in the key\)$/m, 'fields');
    unlike($said, qr/remove X-Original-URL/, 'which are not shown as if they were written');
    like((asked('-c', $file, '-X', 'HEAD', "$base/all/a"))[0], qr/^cached +not asked: for GET only, not for HEAD$/m, 'the method');
    like((asked('-c', $file, "$base/p/a"))[0], qr/^cached +asked;/m, 'or asked');
    like((asked('-c', $file, "$base/drop/"))[0], qr/^action +purge\n(?s:.*)^cache +pages, memory/m, 'purged');
}

# ---- what is wrong
for my $wrong ([2], [2, '-c', $conf], [2, '-c', $conf, '/a', '/b'], [2, '-c', $conf, '-H', 'nonsense', '/a'],
    [2, '-c', $conf, '--from', 'nobody', '/a'], [2, '-c', $conf, '-X', 'B AD', '/a'], [2, '-c', $conf, '-Z', '/a'],
    [1, '-c', $weir->dir . '/none', '/a'], [1, '-c', $conf, 'http://example.com:1/'],
    [1, '-c', $conf, 'ftp://example.com/'], [1, '-c', $conf, 'http:///a']) {
    my ($want, @args) = @$wrong;
    ($text, $err, $code) = asked(@args);
    is($code, $want, "exit code of: @args");
    isnt($err, '', 'and words');
    is($text, '', 'and nothing else');
}
like((asked('-c', $conf, 'http://example.com:1/'))[1], qr/port 1/, 'the port is named');

done_testing;
