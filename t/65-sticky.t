#!/usr/bin/env perl

# `sticky`: clients of all kinds (bytes, curl's cookie jar, a Chromium profile) stay with their server through
# reloads, an upgrade and the death of a worker, and on another Weir with the same secret; what the servers set
# and see is compared byte by byte; made-up cookies get nobody anywhere.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;
use Weir::Client qw(header headers request_bytes);
use Weir::Processes;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 240;

my @names = qw(a b c);

# A server answers with its name; /set?TEXT answers with that Set-Cookie, /cc?TEXT with that Cache-Control.
sub server {
    my ($name) = @_;
    return sub {
        my ($conn, $req) = @_;
        my ($path, $text) = $req->{target} =~ /\A([^?]*)\??(.*)\z/s;
        $text =~ s/%([0-9A-F]{2})/chr hex $1/ge;
        my $extra = $path =~ m{/set\z} ? "Set-Cookie: $text\r\n" : $path =~ m{/cc\z} ? "Cache-Control: $text\r\n" : '';
        my $body = "server $name\n";
        my $len = length $body;
        $conn->send("HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n${extra}Content-Length: $len\r\n\r\n"
            . ($req->{method} eq q(HEAD) ? q() : $body));
        return 1;
    };
}

sub conf_of {
    my (%o) = @_;
    my $secret = exists $o{secret} ? $o{secret} : 'secret = "of this test";';
    my $more   = $o{more} // '';
    my %line   = map { $_ => qq({ name = "$_"; address = "127.0.0.1:{{$_}}"; $o{$_} }) } grep { defined($o{$_} //= '') } @names;
    my $servers = join ', ', map { $line{$_} } grep { $o{$_} ne 'gone' } @names;
    my %sticky = (
        insert   => 'sticky = { };',
        hidden   => 'sticky = { cookie = "HID"; indirect = true; };',
        timed    => 'sticky = { ttl = "20s"; cookie = "TIMED"; path = "/timed"; domain = "example.com"; secure = true; httponly = false; samesite = "none"; };',
        forever  => 'sticky = { ttl = "forever"; cookie = "EVER"; };',
        rewrite  => 'sticky = { mode = "rewrite"; cookie = "APP"; };',
        learn    => 'sticky = { mode = "learn"; cookie = "APP"; };',
        short    => 'sticky = { mode = "learn"; cookie = "APP"; ttl = "1s"; };',
    );
    my $upstreams = join ",\n", map { qq({ name = "$_"; servers = ( $servers ); $sticky{$_} }) } sort keys %sticky;
    my $routes = join ",\n", map { qq({ prefix = "/$_"; proxy = "$_"; }) } sort keys %sticky;
    return <<"CONF";
$secret
workers = 2;
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
drain_timeout = "5s";
listeners = ( { address = "127.0.0.1:{{http}}"; } );
upstreams = ( $upstreams );
sites = ( { name = "all"; timeouts = { connect = "2s"; }; routes = ( $routes, { prefix = "/metrics"; respond = 404; } ); } );
$more
CONF
}

my $w  = Weir->new(ports => [qw(http a b c)], conf => conf_of());
my %up = map { $_ => $w->upstream($_, server($_)) } @names;
local $ENV{WEIR} = Weir::binary();
start_up($w);

# One request; the server that answered, or the status, and the response.
sub ask {
    my ($path, %o) = @_;
    my $r = Weir::Client->get(($o{on} // $w)->port('http'), $path, method => $o{method} // 'GET',
        headers => [map { (Cookie => $_) } @{$o{cookies} // []}]) // {status => 0, body => ''};
    my $by = $r->{body} =~ /\Aserver (\w)\n\z/ ? $1 : $r->{status};
    return wantarray ? ($by, $r) : $by;
}

# NAME=VALUE of the Set-Cookie fields.
sub set { return map { (split /;/)[0] } headers($_[0], 'set-cookie') }

# What the server that was asked last has seen in Cookie.
sub cookies_seen {
    my ($by) = @_;
    my ($last) = reverse $up{$by}->seen;
    return [headers($last, 'cookie')];
}

# Clients until one was sent to each of the servers: server => its cookie.
sub cookie_for {
    my ($path, @of) = @_;
    my %cookie;
    for (1 .. 60) {
        my ($by, $r) = ask($path);
        $cookie{$by} //= (set($r))[0];
        return %cookie if !grep { !$cookie{$_} } @of;
    }
    die "not every server was chosen\n";
}

sub reload {
    my ($weir, %o) = @_;
    $weir->conf(conf_of(%o)) if %o;
    my $r = $weir->run('-c', $weir->{conf}, '-s', 'reload');
    is($r->{exit}, 0, 'reloaded') or diag $r->{err};
    return;
}

sub metric {
    my ($name) = @_;
    my $sock = IO::Socket::UNIX->new(Peer => $w->dir . '/control.sock') or die "control: $!\n";
    print {$sock} "GET /metrics HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    local $/;
    my $text = <$sock>;
    return $text =~ /^weir_sticky_total\{result="$name"\} (\d+)/m ? $1 : undef;
}
require IO::Socket::UNIX;

# ---- insert
{
    my %kept = map { $_ => metric($_) } qw(kept new moved forged);
    my %cookie = cookie_for('/insert/', @names);
    my %values = map { $_ => 1 } values %cookie;
    is(scalar keys %values, 3, 'each server has a value of its own');
    like($_, qr/\AWEIRID=[A-Za-z0-9_-]{33}\z/, 'which is opaque') for values %cookie;
    for my $name (@names) {
        for (1 .. 5) {
            my ($by, $r) = ask('/insert/', cookies => [$cookie{$name}]);
            is($by, $name, "a client of $name stays with it");
            is_deeply([headers($r, 'set-cookie')], [], 'and gets no cookie again');
        }
    }
    is(metric('kept') - $kept{kept}, 15, 'counted: kept');
    cmp_ok(metric('new') - $kept{new}, '>=', 3, 'counted: new');

    my ($by, $r) = ask('/insert/');
    is((headers($r, 'set-cookie'))[0], "$cookie{$by}; Path=/; HttpOnly", 'a session cookie');
    is(header($r, 'cache-control'), 'private', 'an answer that says nothing of caches becomes private');
    (undef, $r) = ask('/insert/cc?public,%20max-age=60,%20s-maxage=9,%20private="x"');
    is(header($r, 'cache-control'), 'private, max-age=60', 'public and s-maxage go');
    (undef, $r) = ask('/insert/cc?no-store');
    is(header($r, 'cache-control'), 'no-store', 'what nobody keeps stays as it is');
    (undef, $r) = ask('/insert/', method => 'POST');
    is(header($r, 'cache-control'), undef, 'neither does the answer to a POST need it');
    (undef, $r) = ask('/insert/cc?public', cookies => [$cookie{a}]);
    is(header($r, 'cache-control'), 'public', 'without a new cookie nothing changes');
    (undef, $r) = ask('/insert/set?WEIRID=mine');
    is_deeply([grep { /\AWEIRID=mine/ } headers($r, 'set-cookie')], [], "a server's cookie of that name is not passed on");

    ($by) = ask('/insert/', cookies => ["x=1; $cookie{b}; y=2"]);
    is_deeply(cookies_seen($by), ["x=1; $cookie{b}; y=2"], 'the server sees all cookies');

    my ($name, $value) = split /=/, $cookie{b}, 2;
    my @right = (
        ['other cookies around it', "p=q; $cookie{b}; r=s"],
        ['without blanks', "p=q;$cookie{b};r=s"],
        ['in quotes', qq($name="$value")],
        ['in the second field', 'p=q', $cookie{b}],
        ['after a made-up one', "$name=made-up; $cookie{b}"],
        ['before another server\'s', "$cookie{b}; $cookie{c}"],
        ['commas in the cookie before', "p=a,$name=x,y; $cookie{b}"],
        ['twice', "$cookie{b}; $cookie{b}"],
        ['behind many bytes', 'p=' . ('x' x 20000) . "; $cookie{b}"],
        ['behind hundreds of others', join('; ', map { "c$_=$_" } 1 .. 900) . "; $cookie{b}"],
        ['a piece without =', "junk; ; $cookie{b}"],
    );
    for my $case (@right) {
        my ($what, @fields) = @$case;
        my ($at, $answer) = ask('/insert/', cookies => \@fields);
        is($at, 'b', "$what: read");
        is_deeply([headers($answer, 'set-cookie')], [], "$what: nothing set");
    }

    my $other = $value;
    substr($other, 3, 1) =~ tr/A-Za-z0-9_-/B-ZAb-za1-90\-_/;
    my $mac = $value;
    substr($mac, 30, 1) =~ tr/A-Za-z0-9_-/B-ZAb-za1-90\-_/;
    my $forged = metric('forged');
    my @wrong = (
        ['empty', "$name="], ['short', "$name=x"], ['another id', "$name=$other"], ['another code', "$name=$mac"],
        ['cut', "$name=" . substr $value, 0, 32], ['longer', "$name=${value}A"], ['39 digits', "$name=" . ('A' x 39)],
        ['comma behind it', "$name=$value,$name=x"], ['another name', "X$name=$value", 0], ['lower case', lc($name) . "=$value", 0],
        ['one quote', qq($name="$value)], ['20,000 bytes', "$name=" . ('A' x 20000)],
        ['bytes', "$name=\xff\x80\x01" =~ s/\x01//r], ['nine made-up ones first', join('; ', ("$name=x") x 9) . "; $cookie{b}"],
        ['an address', "$name=127.0.0.1:" . $w->port('b')], ['the server\'s name', "$name=b"],
    );
    my $expected = 0;
    for my $case (@wrong) {
        my ($what, $field, $counts) = @$case;
        $expected += $counts // 1;
        my ($at, $answer) = ask('/insert/', cookies => [$field]);
        is((set($answer))[0], $cookie{$at}, "$what: balanced, and the cookie set anew");
    }
    is(metric('forged') - $forged, $expected, 'counted: forged');
    my %of_hidden = cookie_for('/hidden/', 'b');
    my ($foreign) = $of_hidden{b} =~ /=(.*)/;
    my ($at, $answer) = ask('/insert/', cookies => ["$name=$foreign"]);
    is((set($answer))[0], $cookie{$at}, "another upstream's value means nothing");
}

# ---- attributes, times, hiding
{
    my ($by, $r) = ask('/timed/');
    like((headers($r, 'set-cookie'))[0],
        qr/\ATIMED=[\w-]{39}; Path=\/timed; Domain=example\.com; Max-Age=20; Secure; SameSite=None\z/, 'all attributes');
    my ($cookie) = set($r);
    ($by, $r) = ask('/forever/');
    like((headers($r, 'set-cookie'))[0], qr/\AEVER=[\w-]{39}; Path=\/; Max-Age=34560000; HttpOnly\z/, 'for ever is 400 days');

    my %hidden = cookie_for('/hidden/', 'a');
    for my $case (["$hidden{a}"], ["x=1; $hidden{a}; y=2", 'x=1; y=2'], ["$hidden{a}; $hidden{a}"],
        ["x=1;y=2 ;$hidden{a};;z", 'x=1;y=2 ;;z'], ["$hidden{a};  x=1", 'x=1'], ["$hidden{a};"],
        ['x=1;y=2; HIDDEN=3', 'x=1;y=2; HIDDEN=3']) {
        my ($sent, @left) = @$case;
        my $at = ask('/hidden/', cookies => [$sent]);
        is_deeply(cookies_seen($at), \@left, "indirect: of $sent the server sees @left");
    }

    # Refreshed after a tenth of its time, and over after all of it.
    ($by, $r) = ask('/timed/');
    ($cookie) = set($r);
    my $later = Weir::wait_for(sub { my ($at, $answer) = ask('/timed/', cookies => [$cookie]);
        is($at, $by, 'stays until then') if $at ne $by; return (set($answer))[0] }, 15);
    isnt($later, $cookie, 'a cookie with a time is set anew after a while');
    is(scalar ask('/timed/', cookies => [$later // '']), $by, 'for the same server');
}

# ---- rewrite
{
    my %seen;
    my @values = ('abc', '"quoted value"', 'a=b=c', '%7B%22x%22%7D', 'x~y', '{"a":1,b}', "\xc3\xa4", 'deleted', 'z' x 3000);
    for my $value (@values) {
        my $attributes = '; Path=/ ;  Expires=Wed, 21 Oct 2099 07:28:00 GMT;HttpOnly; odd; x="y;z"';
        my $shown = substr $value, 0, 20;
        my ($by, $r) = ask('/rewrite/set?APP=' . ($value =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger)
            . ($attributes =~ s/([^A-Za-z0-9])/sprintf '%%%02X', ord $1/ger));
        my ($field) = headers($r, 'set-cookie');
        my ($id) = $field =~ /\AAPP="?([\w-]{33})~/;
        ok(defined $id, "$shown: its server is named") or diag $field;
        is($field =~ s/[\w-]{33}~//r, "APP=$value$attributes", "$shown: no other byte of the field changes");
        my ($cookie) = $field =~ /\A([^;]*)/;
        for my $sent ("$cookie", "x=1;$cookie ;  y = 2", "APP=own; $cookie", "$cookie; $cookie") {
            my $at = ask('/rewrite/', cookies => [$sent]);
            is($at, $by, "$shown: stays");
            is(cookies_seen($at)->[0], $sent =~ s/\Q$id~\E//gr, "$shown: the server sees what it has set");
        }
        $seen{$by} = $cookie;
    }
    my ($by, $r) = ask('/rewrite/set?APP=%3B%20Max-Age=0%3B%20Path=/');
    is((headers($r, 'set-cookie'))[0], 'APP=; Max-Age=0; Path=/', 'taking the cookie back passes');
    (undef, $r) = ask('/rewrite/set?OTHER=1%3B%20Path=/');
    is((headers($r, 'set-cookie'))[0], 'OTHER=1; Path=/', 'and so do others');
    ($by, $r) = ask('/rewrite/');
    is_deeply([headers($r, 'set-cookie')], [], 'where the server sets none, there is none');
    for my $foreign ('APP=abc', 'APP=' . ('A' x 33) . '~abc', 'APP="abc', 'APP=~', 'APP="' . ('A' x 33) . '~x"') {
        $by = ask('/rewrite/', cookies => [$foreign]);
        is(cookies_seen($by)->[0], $foreign, "$foreign: passes as it is");
    }
    my ($two) = values %seen;
    (undef, $r) = ask('/rewrite/set?APP=new', cookies => [$two]);
    like((headers($r, 'set-cookie'))[0], qr/\AAPP=[\w-]{33}~new\z/, 'a new session is named too');
}

# ---- learn
my %learnt;
for my $n (1 .. 12) {
    my ($by, $r) = ask("/learn/set?APP=session-$n%3B%20Path=/");
    is((headers($r, 'set-cookie'))[0], "APP=session-$n; Path=/", "session $n: the cookie stays as it is") if $n < 3;
    $learnt{$n} = $by;
}
sub learnt_ok {
    my ($what, $weir) = @_;
    # Each on a connection of its own: any worker.
    my @lost = grep { my $n = $_; grep { ask('/learn/', cookies => ["APP=session-$n"], on => $weir) ne $learnt{$n} } 1 .. 3 } sort keys %learnt;
    is_deeply(\@lost, [], "$what: learnt clients stay");
    return;
}
learnt_ok('both workers');
{
    my ($by) = ask('/learn/', cookies => ['x=1; APP=session-3']);
    is_deeply(cookies_seen($by), ['x=1; APP=session-3'], 'the server sees its cookie as it was');
    my ($short) = ask('/short/set?APP=brief');
    is(scalar ask('/short/', cookies => ['APP=brief']), $short, 'learnt for a second');
    my $forged = metric('forged');
    ok(Weir::wait_for(sub { select undef, undef, undef, 2.2; ask('/short/', cookies => ['APP=brief']); metric('forged') > $forged }, 10),
        'and forgotten when nobody has sent it for that time');
    ask('/learn/set?APP=gone%3B%20Max-Age=0');
    $forged = metric('forged');
    ask('/learn/', cookies => ['APP=gone']);
    is(metric('forged') - $forged, 1, 'a cookie that is taken back is not learnt');
}

# ---- drained, down, gone, back
{
    my %cookie  = cookie_for('/insert/', @names);
    my %session = reverse %learnt;
    reload($w, b => 'weight = 0;');
    is(join('', map { scalar ask('/insert/', cookies => [$cookie{b}]) } 1 .. 6), 'bbbbbb', 'drained: its clients stay');
    is(join('', map { scalar ask('/learn/', cookies => ["APP=session-$session{b}"]) } 1 .. 4), 'bbbb', 'learnt ones too');
    unlike(join('', map { scalar ask('/insert/') } 1 .. 12), qr/b/, 'new ones do not come');
    reload($w, b => 'down = true;');
    my $moved = metric('moved');
    my ($by, $r) = ask('/insert/', cookies => [$cookie{b}]);
    isnt($by, 'b', 'down: its clients move');
    is((set($r))[0], $cookie{$by}, 'and get a new cookie');
    is(metric('moved') - $moved, 1, 'counted: moved');
    reload($w, b => 'gone');
    ($by, $r) = ask('/insert/', cookies => [$cookie{b}]);
    is((set($r))[0], $cookie{$by}, 'not in the file any more: the same');
    my ($field) = headers((ask('/rewrite/set?APP=abc'))[1], 'set-cookie');
    reload($w, a => 'gone', c => 'gone', b => '');
    ($by, $r) = ask('/rewrite/', cookies => [$field]);
    is_deeply([$by, cookies_seen('b')->[0]], ['b', 'APP=abc'], "rewrite: another server sees the value without Weir's part");
    reload($w, a => '', b => '', c => '');
    is(scalar ask('/insert/', cookies => [$cookie{b}]), 'b', 'restored: its cookie is known again');
    for my $n (grep { $learnt{$_} eq 'b' } keys %learnt) {
        $learnt{$n} = ask('/learn/', cookies => ["APP=session-$n"]);
    }
}

# ---- a server that dies without a word
{
    my %cookie = cookie_for('/insert/', @names);
    my ($n) = grep { $learnt{$_} eq 'c' } sort keys %learnt;
    $up{c}->stop;
    my ($by, $r) = ask('/insert/', cookies => [$cookie{c}]);
    like($by, qr/\A[ab]\z/, 'dead: its clients go elsewhere at once');
    is((set($r))[0], $cookie{$by}, 'with a new cookie');
    my $to = ask('/learn/', cookies => ["APP=session-$n"]);
    $up{c} = $w->upstream('c', server('c'));
    is(join('', map { scalar ask('/learn/', cookies => ["APP=session-$n"]) } 1 .. 5), $to x 5,
        'a learnt session that moved stays where it went');
    $learnt{$n} = $to;
    $learnt{$_} = ask('/learn/', cookies => ["APP=session-$_"]) for keys %learnt;
    is(scalar ask('/insert/', cookies => [$cookie{c}]), 'c', 'back: known again');
}

# ---- real clients through reloads, an upgrade, and the death of a worker; and on another machine
sub in_path { return (grep { -x } map { "$_/$_[0]" } split /:/, $ENV{PATH})[0] }

sub output {
    my (@argv) = @_;
    my $pid = open(my $out, '-|') // die "fork: $!\n";
    if (!$pid) {
        open STDERR, '>', '/dev/null' or POSIX::_exit(127);
        exec {$argv[0]} @argv or POSIX::_exit(127);
    }
    local $/;
    my $text = <$out> // '';
    close $out;
    return $text;
}

my $curl = in_path('curl');
my ($chromium) = grep { defined } map { in_path($_) } qw(chromium chromium-browser google-chrome);

sub curl {
    my ($n, $weir) = @_;
    my $jar = $w->dir . "/jar$n";
    return output($curl, '-s', '-m', 10, '-b', $jar, '-c', $jar, 'http://127.0.0.1:' . $weir->port('http') . '/forever/')
        =~ /\Aserver (\w)/ ? $1 : 'none';
}

sub chromium {
    my ($weir) = @_;
    return output($chromium, qw(--headless --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run
            --disable-background-networking --disable-component-update --password-store=basic --timeout=10000),
        '--user-data-dir=' . $w->dir . '/profile', '--dump-dom', 'http://127.0.0.1:' . $weir->port('http') . '/forever/')
        =~ /server (\w)/ ? $1 : 'none';
}

my @clients = $curl ? (1 .. 4) : ();
my %home    = map { $_ => curl($_, $w) } @clients;
my $browser = $chromium ? chromium($w) : 'none';
my %cookie  = cookie_for('/insert/', @names);

sub all_stay {
    my ($what, $weir, $with_browser) = @_;
    my @moved = grep { ask('/insert/', cookies => [$cookie{$_}], on => $weir) ne $_ } @names;
    is_deeply(\@moved, [], "$what: cookies mean the same");
    @moved = grep { curl($_, $weir) ne $home{$_} } @clients;
    is_deeply(\@moved, [], "$what: curl stays") if $curl;
    is(chromium($weir), $browser, "$what: Chromium stays") if $with_browser && $browser ne 'none';
    return;
}

note('curl is not installed: its part is skipped') if !$curl;
SKIP: {
    skip 'Chromium is not installed', 1 if !$chromium;
    isnt($browser, 'none', 'Chromium has seen a server') or diag 'Chromium did not run';
}

for my $n (1 .. 20) {
    reload($w);
    all_stay("reload $n", $w, $n == 10 || $n == 20);
}
learnt_ok('20 reloads');

my $master = pid_of($w);
# The process's name tells its role.
sub role_of {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/comm" or return '';
    return readline($in) =~ /\Aweir (\w+)/ ? $1 : '';
}

my ($worker) = grep { role_of($_) eq 'worker' } master_kids($master);
kill KILL => $worker;
ok(eventually(sub { my @now = grep { role_of($_) eq 'worker' } master_kids($master); @now == 2 && !grep { $_ == $worker } @now }),
    'a worker was killed, and another one is there');
all_stay('after its death', $w, 1);
learnt_ok('after its death');

my $r = $w->run('-c', $w->{conf}, '-s', 'upgrade');
is($r->{exit}, 0, 'upgraded') or diag $r->{err};
isnt(pid_of($w), $master, 'another master');
all_stay('after the upgrade', $w, 1);
learnt_ok('after the upgrade');

# ---- another machine: the same secret, the servers in another order, other workers
my $second = Weir->new(ports => [qw(http)], fill => {map { $_ => $w->port($_) } @names},
    conf => conf_of() =~ s/workers = 2/workers = 1/r);
start_up($second);
all_stay('another Weir with the same secret', $second, 1);
$second->stop_ok;
my $stranger = Weir->new(ports => [qw(http)], fill => {map { $_ => $w->port($_) } @names}, conf => conf_of(secret => 'secret = "another";'));
start_up($stranger);
{
    my ($by, $answer) = ask('/insert/', cookies => [$cookie{a}], on => $stranger);
    like((set($answer))[0] // '', qr/\AWEIRID=/, 'one with another secret sets its own');
    isnt((set($answer))[0], $cookie{$by}, 'which is another for the same server');
}
$stranger->stop_ok;

# ---- without any secret: one of the instance, over reload and upgrade
{
    my $alone = Weir->new(ports => [qw(http)], fill => {map { $_ => $w->port($_) } @names}, conf => conf_of(secret => ''));
    start_up($alone);
    my ($by, $answer) = ask('/insert/', on => $alone);
    my ($mine) = set($answer);
    for my $how (qw(reload upgrade)) {
        my $done = $alone->run('-c', $alone->{conf}, '-s', $how);
        is($done->{exit}, 0, $how) or diag $done->{err};
        is(join('', map { scalar ask('/insert/', cookies => [$mine], on => $alone) } 1 .. 5), $by x 5, "without a secret: stays over $how");
    }
    end_ok($alone);
}

# The harness knows the first master only.
sub end_ok {
    my ($weir) = @_;
    my $pid  = pid_of($weir);
    my @kids = master_kids($pid);
    kill QUIT => $pid;
    ok(eventually(sub { gone($pid) && !grep { alive($_) } @kids }), 'ended');
    ok(eventually(sub { $weir->_ended }), 'and so has the first one');
    is_deeply([grep { /Sanitizer|runtime error/ } $weir->log_lines], [], 'nothing of a sanitizer');
    return;
}
end_ok($w);

# ---- weir -t and weir explain
my @bad = (
    ['mode = "cookie"', qr/'mode' cannot be "cookie"; write "insert"/],
    ['cookie = "a b"', qr/'cookie' is "a b"; write a name of letters/],
    ['cookie = ""', qr/'cookie' is ""/],
    ['mode = "rewrite"', qr/'sticky' has no 'cookie'; write the name of the cookie that the servers set/],
    ['mode = "learn"; cookie = "X"; path = "/"', qr/'path' does nothing where the servers set the cookie/],
    ['mode = "rewrite"; cookie = "X"; ttl = "1h"', qr/'ttl' does nothing/],
    ['ttl = "0s"', qr/'ttl' is "0s"; write a duration from "1s" to "400d", or "forever"/],
    ['ttl = "401d"', qr/'ttl' is "401d"/],
    ['ttl = "soon"', qr/'ttl' is "soon"/],
    ['path = "x"', qr/'path' is "x"; write one that begins with "\/"/],
    ['domain = "a;b"', qr/'domain' holds a blank, a ";"/],
    ['samesite = "none"', qr/samesite = "none" without 'secure'; write secure = true/],
    ['samesite = "often"', qr/'samesite' cannot be "often"/],
    ['cookie = "__Host-x"; secure = true; domain = "d.example"', qr/remove them/],
    ['cookie = "__Secure-x"', qr/without 'secure'; write secure = true/],
    ['secret = ""', qr/'secret' is empty/],
    ['secret = "file:none"', qr/cannot read the secret/],
    ['name = "X"', qr/name/],
);
for my $case (@bad) {
    my ($text, $says) = @$case;
    my $bad = Weir->new(conf => <<"CONF");
listeners = ( "127.0.0.1:{{http}}" );
upstreams = ( { name = "u"; servers = ( "127.0.0.1:9" );
  sticky = { $text; }; } );
sites = ( { routes = ( { prefix = "/"; proxy = "u"; } ); } );
CONF
    my $t = $bad->run('-t', '-c', '{{dir}}/weir.conf');
    is($t->{exit}, 1, "$text: refused");
    like("$t->{err}$t->{out}", qr/weir\.conf:3: .*$says/, "$text: where and why");
}
{
    my $ask = Weir->new(conf => conf_of(), ports => [qw(http a b c)]);
    my $at  = 'http://127.0.0.1:' . $ask->port('http');
    my @told = (
        [insert => '',                  qr/insert, cookie WEIRID: none, or over: balanced, and the cookie set/],
        [insert => $cookie{b},          qr/insert, cookie WEIRID: names server b$/m],
        [insert => 'WEIRID=x',          qr/insert, cookie WEIRID: names no server/],
        [rewrite => 'APP=x',            qr/rewrite, cookie APP: names no server: balanced$/m],
        [learn => 'APP=x',              qr/learn, cookie APP: the running Weir knows/],
    );
    for my $case (@told) {
        my ($path, $sent, $says) = @$case;
        my $t = $ask->run('explain', '-c', $ask->{conf}, $sent ? ('-H', "Cookie: $sent") : (), "$at/$path/");
        like($t->{out}, qr/^sticky +$says/m, "explain: $path $sent") or diag $t->{err};
    }
    my $t = $ask->run('explain', '--json', '-c', $ask->{conf}, '-H', "Cookie: $cookie{c}", "$at/insert/");
    like($t->{out}, qr/"sticky":\s*\{"mode":\s*"insert",\s*"cookie":\s*"WEIRID",\s*"server":\s*"c"/, 'explain --json');
}

done_testing;
