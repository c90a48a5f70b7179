#!/usr/bin/env perl

# Servers added, drained, taken down, weighed and taken out while the instance serves: with four workers under
# load, through a reload, an upgrade, the end of the keeper and of a worker, and a restart; what is refused;
# weir ctl.

use strict;
use warnings;
use Cwd qw(abs_path);
use File::Copy qw(copy);
use FindBin;
use IO::Socket::UNIX;
use JSON::PP;
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;
use Weir::Client;
use Weir::Load;
use Weir::Processes qw(start_up pid_of alive gone eventually master_kids);

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 240;

my $real = abs_path($ENV{WEIR} // './weir');
my @names = qw(a b c d);

sub conf_text {
    my (%o) = @_;
    my $servers = $o{servers} // '"127.0.0.1:{{a}}", { address = "127.0.0.1:{{b}}"; name = "bee"; }';
    my $top = $o{top} // '';
    return <<"CONF";
workers = 4;
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
state_dir = "{{dir}}/state";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
drain_timeout = "3s";
$top
listeners = ( "127.0.0.1:{{http}}", { address = "127.0.0.1:{{admin}}"; admin = true; } );
upstreams = ( { name = "app"; servers = ( $servers ); },
              { name = "o/ther"; servers = ( "127.0.0.1:{{a}}" ); } );
sites = ( { routes = ( { prefix = "/other/"; proxy = "o/ther"; }, { prefix = "/"; proxy = "app"; } ); } );
CONF
}

my @keep;    # the servers: they live as long as the test

sub new_weir {
    my (%o) = @_;
    my $w = Weir->new(ports => ['http', 'admin', @names], conf => conf_text(%o));
    # A master that is root makes it, for the workers' user.
    mkdir "$w->{dir}/state" if $> != 0 || $o{state};
    chmod 0777, "$w->{dir}/state";
    push @keep, map { $w->upstream($_, {'/slow' => {do => 'dribble', body => "$_\n", piece => 1, gap => 0.04},
                '*' => {do => 'fixed', body => "$_\n"}}) } @names;
    return $w;
}

# A call: status and object.
sub call {
    my ($w, $method, $path, $data, %o) = @_;
    my $body = !defined $data ? '' : ref $data ? JSON::PP->new->utf8->encode($data) : $data;
    my @fields = (Host => 'localhost', 'Content-Length' => length $body,
        exists $o{type} ? () : ('Content-Type' => 'application/json'), @{$o{headers} // []});
    push @fields, 'Content-Type' => $o{type} if defined $o{type};
    my $c = $w->client('admin');
    my $head = "$method /api/v1/$path HTTP/1.1\r\n";
    while (my ($n, $v) = splice @fields, 0, 2) { $head .= "$n: $v\r\n" }
    $c->send("$head\r\n$body");
    my $r = $c->read_response;
    my $json = eval { JSON::PP->new->utf8->decode($r->{body} // '') };
    return wantarray ? ($r->{status} // 0, $json) : $r->{status} // 0;
}

sub list { my ($w) = @_; return @{(call($w, 'GET', 'upstreams/app'))[1]{servers}} }
# One of them; an empty object where there is none.
sub server { my ($w, $name) = @_; return (grep { $_->{name} eq $name } list($w))[0] // {} }
sub has { my ($w, $name) = @_; return scalar grep { $_->{name} eq $name } list($w) }
sub changes { my ($w) = @_; return @{(call($w, 'GET', 'changes'))[1]{changes} // []} }

# Who answers N requests, each on a connection of its own, so that all workers are asked: name => how often.
sub hits {
    my ($w, $n, $path) = @_;
    my %hits;
    for (1 .. $n // 40) {
        my $r = $w->get('http', $path // '/');
        my $who = ($r->{status} // 0) == 200 ? $r->{body} =~ s/\s+//gr : 'status ' . ($r->{status} // 0);
        $hits{$who}++;
    }
    return \%hits;
}
sub who { return join ' ', sort keys %{hits(@_)} }

# The role that a process shows in its name.
sub role_of {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/comm" or return '';
    return readline($in) =~ /\Aweir (\w+)/ ? $1 : '';
}

sub ctl { my ($w, @args) = @_; return $w->run('ctl', '-c', $w->dir . '/weir.conf', @args) }

sub loads {
    my ($w) = @_;
    return map { Weir::Load->start(port => $w->port('http'), mode => $_) } qw(keepalive close pipeline);
}

# The path of a server, by its name or port.
sub of { my ($w, $server) = @_; return 'upstreams/app/servers/' . ($server =~ /\A[a-d]\z/ ? at($w, $server) : $server) }
sub at { my ($w, $port) = @_; return '127.0.0.1:' . $w->port($port) }

sub loads_ok {
    my ($name, @load) = @_;
    my @failures = map { @{$_->stop->{failures}} } @load;
    is_deeply(\@failures, [], $name);
    return;
}

# ---- each change, in force when it is answered, while clients go on
{
    my $w = new_weir();
    start_up($w);
    my ($c, $d) = map { '127.0.0.1:' . $w->port($_) } qw(c d);
    my @load = loads($w);
    is(who($w), 'a b', 'the servers of the file');

    my ($status, $r) = call($w, 'POST', 'upstreams/app/servers', {address => $c, name => 'sea', weight => 2});
    is($status, 201, 'a server is added') or diag explain $r;
    ok($r->{saved}, 'and saved');
    is(who($w), 'a b c', 'and asked by the workers');
    my $hits = hits($w, 400);
    ok($hits->{c} > $hits->{a} && $hits->{c} > $hits->{b}, 'by its weight') or diag explain $hits;
    is(server($w, 'sea')->{weight}, 2, 'which is shown');

    is(call($w, 'PATCH', of($w, 'bee'), {state => 'drain'}), 200, 'one is drained, by its name');
    is(who($w), 'a c', 'it gets nothing more');
    is(server($w, 'bee')->{state}, 'drain', 'state drain');
    is(call($w, 'PATCH', "upstreams/app/servers/$c", {state => 'down'}), 200, 'one is taken down, by its address');
    is(who($w), 'a', 'it gets nothing more');
    is(call($w, 'PATCH', 'upstreams/app/servers/127.0.0.1%3a' . $w->port('b'), {state => 'up'}), 200, 'an escaped address');
    is(call($w, 'PATCH', of($w, 'sea'), {state => 'up', weight => 0}), 200, 'up, with weight 0');
    is(who($w), 'a b', 'weight 0 is drain');
    is(call($w, 'PATCH', of($w, 'sea'), {weight => 256}), 200, 'weight 256');
    $hits = hits($w, 100);
    ok($hits->{c} > 80, 'nearly all goes there') or diag explain $hits;

    is(call($w, 'DELETE', of($w, 'sea')), 200, 'it is taken out');
    is(who($w), 'a b', 'and gets nothing more');
    ok(eventually(sub { !has($w, 'sea') }), 'it is gone');
    is(call($w, 'DELETE', "upstreams/app/servers/bee"), 200, 'one of the file is taken out');
    ok(eventually(sub { !has($w, 'bee') }), 'it is gone');
    is(who($w), 'a', 'the other one is left');
    is_deeply([map { $_->{state} } changes($w)], ['removed'], 'which is a change');
    is(call($w, 'POST', 'upstreams/app/servers', {address => at($w, 'b'), name => 'bee'}), 201,
        'it comes back by being added');
    is(who($w), 'a b', 'it is asked again');
    is_deeply([changes($w)], [], 'nothing is changed any more');

    is(call($w, 'POST', 'upstreams/o%2Fther/servers', {address => $d, backup => JSON::PP::true}), 201, 'a backup');
    is(who($w, 20, '/other/'), 'a', 'it waits');
    is(call($w, 'PATCH', 'upstreams/o%2Fther/servers/127.0.0.1:' . $w->port('a'), {state => 'down'}), 200, 'the first is down');
    is(who($w, 20, '/other/'), 'd', 'it serves');
    loads_ok('no request failed', @load);
    $w->stop_ok;
}

# ---- a server that joins others begins slowly
{
    my $w = new_weir(top => 'defaults = { slow_start = "20m"; };');
    start_up($w);
    is(call($w, 'POST', 'upstreams/app/servers', {address => at($w, 'c'), name => 'sea'}), 201, 'a server joins two');
    my %seen;
    $seen{$w->get('http', '/')->{body} =~ s/\n//r}++ for 1 .. 60;
    ok(($seen{a} // 0) > 12 && ($seen{b} // 0) > 12, 'those that were there serve on');
    ok(($seen{c} // 0) < 12, 'it has less than its part') || diag(explain(\%seen));
    $w->stop_ok;
}

# ---- what is under way ends, and a server that does not end is gone after drain_timeout
{
    my $w = new_weir(servers => '"127.0.0.1:{{a}}"');
    start_up($w);
    my $slow = $w->client('http');
    $slow->send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n");
    ok(eventually(sub { server($w, at($w, 'a'))->{active} }), 'a request is under way');
    is(call($w, 'POST', 'upstreams/app/servers', {address => at($w, 'b')}), 201, 'another server');
    is(call($w, 'DELETE', of($w, 'a')), 200, 'the first is taken out');
    is(who($w), 'b', 'it gets nothing more');
    is(server($w, at($w, 'a'))->{state}, 'drain', 'but drains');
    is($slow->read_response->{body}, "a\n", 'what was under way is answered');
    ok(eventually(sub { !has($w, at($w, 'a')) }), 'then it is gone');
    # One that was added, with a request that takes longer than drain_timeout is.
    is(call($w, 'PATCH', of($w, 'b'), {weight => 1}), 200, 'weight as it was');
    my $tunnel = $w->client('http');
    push @keep, my $hang = Weir::Upstream->start(port => Weir::free_port(), script => 'hang');
    my $hangs = {address => '127.0.0.1:' . $hang->port, name => 'hangs', weight => 256};
    is(call($w, 'POST', 'upstreams/app/servers', $hangs), 201, 'a server that never answers');
    is(call($w, 'PATCH', of($w, 'b'), {weight => 0}), 200, 'alone');
    $tunnel->send("GET / HTTP/1.1\r\nHost: a.test\r\n\r\n");
    ok(eventually(sub { server($w, 'hangs')->{active} }), 'a request waits');
    is(call($w, 'DELETE', of($w, 'hangs')), 200, 'it is taken out');
    my $r = call($w, 'POST', 'upstreams/app/servers', $hangs);
    is($r, 201, 'it comes back while it drains');
    is(server($w, 'hangs')->{state}, 'up', 'and is up');
    is(call($w, 'DELETE', of($w, 'hangs')), 200, 'it is taken out again');
    ok(eventually(sub { !has($w, 'hangs') }), 'gone after drain_timeout');
    $tunnel->close;
    $w->allow(qr/drain_timeout is over/);
    $w->stop_ok;
}

# ---- through a reload, an upgrade, the end of the keeper and of a worker, and a restart
{
    my $w = new_weir();
    mkdir "$w->{dir}/bin";
    copy($real, "$w->{dir}/weir-program") or die "copy: $!";
    chmod 0755, "$w->{dir}/weir-program";
    local $ENV{WEIR} = "$w->{dir}/weir-program";
    start_up($w);
    my $c = at($w, 'c');
    my @load = loads($w);
    is(call($w, 'POST', 'upstreams/app/servers', {address => $c, name => 'sea', weight => 3}), 201, 'add');
    is(call($w, 'PATCH', of($w, 'bee'), {state => 'down', weight => 7}), 200, 'down');
    my @want = changes($w);
    is(scalar @want, 2, 'two changes');
    my $same = sub {
        my ($what) = @_;
        is(who($w), 'a c', "$what: the servers are the same");
        is_deeply([changes($w)], \@want, "$what: the changes are listed");
        return;
    };
    $same->('at first');

    # Two generations at once: a client of the old one is served by what was changed after the reload.
    my $old = $w->client('http');
    $old->send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n");
    is($w->run('-c', $w->dir . '/weir.conf', '-s', 'reload')->{exit}, 0, 'reload');
    $same->('reload');
    is($old->read_response->{status}, 200, 'a request of the old generation ends');

    is($w->run('-c', $w->dir . '/weir.conf', '-s', 'upgrade')->{exit}, 0, 'upgrade');
    my $master = pid_of($w);
    ok(eventually(sub { $w->_ended }), 'the first master ends');
    $same->('upgrade');
    kill USR2 => $master;
    ok(eventually(sub { pid_of($w) && pid_of($w) != $master && gone($master) }), 'USR2');
    $master = pid_of($w);
    ok(eventually(sub { @{[master_kids($master)]} == 5 }), 'five processes');
    $same->('USR2');
    loads_ok('no request failed', @load);

    for my $role (qw(keeper worker)) {
        my ($pid) = grep { role_of($_) eq $role } master_kids($master);
        kill KILL => $pid;
        ok(eventually(sub { gone($pid) && @{[master_kids($master)]} == 5 }), "a $role is killed, and another one there");
        ok(eventually(sub { (eval { call($w, 'GET', 'changes') } // 0) == 200 }), 'the keeper answers');
        $same->("$role killed");
    }
    # A change after it is one for all workers, the new one too.
    is(call($w, 'PATCH', of($w, 'sea'), {state => 'drain'}), 200, 'drain');
    is(who($w), 'a', 'all workers know');
    is(call($w, 'PATCH', of($w, 'sea'), {state => 'up'}), 200, 'up');

    my @kids = master_kids($master);
    kill QUIT => $master;
    ok(eventually(sub { gone($master) && !grep { alive($_) } @kids }), 'all ends');
    start_up($w);
    $same->('restart');
    $w->stop('TERM');
    start_up($w);
    $same->('another restart');

    # The file says the same by now.
    $w->conf(conf_text(servers => '"127.0.0.1:{{a}}",
        { address = "127.0.0.1:{{b}}"; name = "bee"; down = true; },
        { address = "127.0.0.1:{{c}}"; name = "sea"; weight = 3; }'));
    is($w->run('-c', $w->dir . '/weir.conf', '-s', 'reload')->{exit}, 0, 'reload of a file that has them');
    is_deeply([map { [@$_{qw(server added weight)}] } changes($w)], [['bee', JSON::PP::false, 7]],
        'only the weight is a change still');
    is(who($w), 'a c', 'the servers are the same');
    is(scalar(grep { $_->{name} eq 'sea' } list($w)), 1, 'none is there twice');
    is(call($w, 'PATCH', of($w, 'bee'), {weight => 1}), 200, 'as in the file');
    is_deeply([changes($w)], [], 'nothing is changed any more');
    is($w->read('state/changes'), '', 'in the file neither');

    # One that was taken out is no change any more when the file does without it, and comes back with the file.
    my $slow = $w->client('http');
    $slow->send("GET /slow HTTP/1.1\r\nHost: a.test\r\n\r\n");    # keeps a generation and its names
    is(call($w, 'DELETE', of($w, 'sea')), 200, 'one is taken out');
    ok(eventually(sub { !has($w, 'sea') }), 'it is gone');
    $w->conf(conf_text());
    is(ctl($w, 'reload')->{exit}, 0, 'the file does without it too');
    is_deeply([changes($w)], [], 'which is no change any more');
    $w->conf(conf_text(servers => '{ address = "127.0.0.1:{{c}}"; name = "sea"; }'));
    is(ctl($w, 'reload')->{exit}, 0, 'the file has it again');
    is(who($w), 'c', 'and so have the workers');
    $slow->close;
    $w->allow(qr/was ended by signal 9/);
    $w->stop_ok;
}

# ---- what is said of a change, and what comes back as it was
{
    my $w = new_weir(servers => '"127.0.0.1:{{a}}", { address = "127.0.0.1:{{b}}"; name = "bee"; weight = 7; backup = true; }');
    start_up($w);
    my ($b, $c) = (at($w, 'b'), at($w, 'c'));
    my $says = sub {
        my ($re, $name, @call) = @_;
        my ($status, $r) = call($w, @call);
        like(($status // 0) . ' ' . ($r->{text} // $r->{error} // ''), $re, $name);
        return;
    };
    my $bee = of($w, 'bee');
    my $app = 'upstreams/app/servers';
    $says->(qr/^200 The server "bee" of the upstream "app" is up, but its weight is 0: it gets no new requests/, 'weight 0',
        PATCH => $bee, {weight => 0});
    $says->(qr/^200 .*is up, but its weight is 0: it gets no new requests/, 'up with weight 0 says that it takes nothing',
        PATCH => $bee, {state => 'up'});
    my $r = ctl($w, qw(server up app bee));
    like($r->{out}, qr/^The server "bee" .* its weight is 0/, 'ctl too');
    $says->(qr/^200 .*"bee" of the upstream "app" drains: it gets no requests but/, 'drain', PATCH => $bee, {state => 'drain'});
    $says->(qr/^200 .*is down: it gets no requests\.$/, 'down', PATCH => $bee, {state => 'down'});
    $says->(qr/^200 .*is up, with weight 7, as a backup\.$/, 'up', PATCH => $bee, {state => 'up', weight => 7});

    # One of the file, away and back: its weight and rank are the file's where none are given.
    $says->(qr/^200 .*"bee" .*drains; it is taken out when nothing is active, at most 3s from now, until it is added again\.$/,
        'taken out', DELETE => $bee);
    $says->(qr/^200 .*is being taken out already\.$/, 'twice', DELETE => $bee);
    $says->(qr/^409 .*has a server "bee" at \Q$b\E already .*is being taken out; it stays when/, 'another name meanwhile',
        POST => $app, {address => $b, name => 'wasp'});
    $says->(qr/^201 The server "bee" of the upstream "app" stays: it is up, with weight 7, as a backup\.$/, 'back, at once',
        POST => $app, {address => $b});
    is_deeply([changes($w)], [], 'as the file has it');
    for my $call ({address => $b}, {address => $b, name => 'bee', backup => JSON::PP::true}) {
        call($w, DELETE => $bee);
        ok(eventually(sub { !has($w, 'bee') }), 'gone');
        $says->(qr/^404 .*any more: it was taken out; add it to have it back/, 'what is gone is not changed', PATCH => $bee, {weight => 1});
        $says->(qr/^409 .*"bee" at \Q$b\E already \(the configuration has it, as a backup\), which was taken out; it comes back under that name/,
            'another rank', POST => $app, {address => $b, backup => JSON::PP::false});
        $says->(qr/^201 .*stays: it is up, with weight 7, as a backup\.$/, 'back', POST => $app, $call);
        is(server($w, 'bee')->{weight}, 7, 'with its weight');
        is_deeply([changes($w)], [], 'no change is left');
    }

    # One that was added: quickly away and back, never twice.
    $says->(qr/^201 The server "sea" of the upstream "app" is added: it is up, with weight 3\.$/, 'added',
        POST => $app, {address => $c, name => 'sea', weight => 3});
    for (1 .. 3) {
        is(call($w, DELETE => "$app/sea"), 200, 'taken out');
        $says->(qr/^201 .*"sea" .*stays: it is up, with weight 3/, 'and back', POST => $app, {address => $c, name => 'sea'});
    }
    is(scalar(grep { $_->{address} eq $c } list($w)), 1, 'it is there once');
    $says->(qr/^409 .*has a server "sea" at \Q$c\E already \(it was added at run time\); change that one/, 'an address twice', POST => $app, {address => $c});
    my $d = at($w, 'd');
    $says->(qr/^409 .*has a server "sea" at \Q$c\E already/, 'a name twice', POST => $app, {address => $d, name => 'sea'});

    # The configuration gives the name to another server, and later the address another name.
    is(call($w, PATCH => "$app/sea", {state => 'down'}), 200, 'it is down');
    $w->conf(conf_text(servers => qq("127.0.0.1:{{a}}", { address = "127.0.0.1:{{d}}"; name = "sea"; })));
    is(ctl($w, 'reload')->{exit}, 0, 'a reload');
    ok($w->wait_log(qr/warn .*upstream app: server sea at \Q$c\E was added at run time: dropped, since the configuration has another server of that name, at \Q$d\E/),
        'a name that is taken is told, with both addresses');
    is_deeply([map { [@$_{qw(address state)}] } grep { $_->{name} eq 'sea' } list($w)], [[$d, 'up']],
        'what was said of one server is not said of another');
    $says->(qr/^201/, 'again, under another name', POST => $app, {address => $c, name => 'lake', weight => 9});
    is(call($w, PATCH => "$app/lake", {state => 'down'}), 200, 'down');
    $w->conf(conf_text(servers => qq("127.0.0.1:{{a}}", { address = "127.0.0.1:{{c}}"; name = "pond"; })));
    is(ctl($w, 'reload')->{exit}, 0, 'another reload');
    ok($w->wait_log(qr/notice .*server lake was added at run time: the configuration has it by now, as pond/), 'the address counts');
    is_deeply([map { [@$_{qw(name state weight)}] } grep { $_->{address} eq $c } list($w)], [['pond', 'down', 9]],
        'with what was changed of it');

    # The same from what was saved.
    is(call($w, POST => $app, {address => $d, name => 'sea'}), 201, 'one more');
    is(call($w, PATCH => "$app/sea", {state => 'drain'}), 200, 'which drains');
    $w->allow(qr/dropped/);
    $w->stop_ok;
    $w->conf(conf_text(servers => qq("127.0.0.1:{{a}}", { address = "127.0.0.1:{{b}}"; name = "sea"; }, { address = "127.0.0.1:{{c}}"; name = "pond"; })));
    start_up($w);
    ok($w->wait_log(qr/server "sea": the change is dropped: another server has its name by now, at \Q$b\E/), 'a name that is taken by then');
    is(server($w, 'sea')->{state}, 'up', 'is not drained');
    is(server($w, 'pond')->{state}, 'down', 'what was changed of others holds');
    $w->stop_ok;
}

# ---- what was saved is not believed, and a directory that cannot be written to is said
{
    my $w = new_weir(state => 1);
    my $d = at($w, 'd');
    $w->write('state/changes', join "\n", '{"upstream":"app","server":"new","address":"' . $d . '","added":true}',
        'no json', '[' x 5000, '{"upstream":"nope","server":"x","address":"127.0.0.1:1","added":true}',
        '{"upstream":"app","server":"y","address":"nowhere","added":true}',
        '{"upstream":"app","server":"z","state":"down"}',
        '{"upstream":"app","server":"bee","state":"down","weight":-4,"added":"yes"}', '{}', 'x' x 100000);
    start_up($w);
    ok(eventually(sub { who($w, 20) eq 'a d' }), 'what is right of it holds');
    ok($w->wait_log(qr{state/changes:2: not JSON}), 'what is not is told');
    ok($w->wait_log(qr{state/changes:4: upstream "nope", server "x": the change is dropped}), 'with the server');
    $w->allow(qr{state/changes:\d+: });
    SKIP: {
        rename "$w->{dir}/state", "$w->{dir}/state.away" or die "rename: $!";
        my ($status, $r) = call($w, 'PATCH', 'upstreams/app/servers/new', {state => 'down'});
        is($status, 200, 'without its directory a change is made');
        ok(!$r->{saved}, 'but not saved');
        like($r->{warning}, qr/No such file or directory/, 'and why');
        is(who($w, 20), 'a', 'it holds');
        ok($w->wait_log(qr/changes made at run time are not saved/), 'the log says so');
        my $o = ctl($w, 'changes');
        like($o->{out}, qr/^Not saved, a restart loses them/m, 'and ctl');
        rename "$w->{dir}/state.away", "$w->{dir}/state" or die "rename: $!";
        ok((call($w, 'PATCH', 'upstreams/app/servers/new', {state => 'drain'}))[1]{saved}, 'saved again');
    }
    $w->allow(qr/changes made at run time are not saved/);
    $w->stop_ok;
}

# ---- what is refused
{
    my $w = new_weir();
    start_up($w);
    my $c = at($w, 'c');
    my $servers = 'upstreams/app/servers';
    my @cases = (
        ['POST', $servers, '{', 400, qr/not JSON/],
        ['POST', $servers, '', 400, qr/not JSON/],
        ['POST', $servers, '[]', 400, qr/object/],
        ['POST', $servers, '{"address":"x","address":"y"}', 400, qr/duplicate/],
        ['POST', $servers, '{"a":' . '[' x 50 . ']' x 50 . '}', 400, qr/nested deeper/],
        ['POST', $servers, '{"address":"' . $c . '"} x', 400, qr/not JSON/],
        ['POST', $servers, "{\"address\":\"\xff\"}", 400, qr/not JSON/],
        ['POST', $servers, {}, 400, qr/"address" is missing/],
        ['POST', $servers, {address => 80}, 400, qr/"address" is missing/],
        ['POST', $servers, {address => 'app.test:80'}, 400, qr/IP address with a port/],
        ['POST', $servers, {address => '*:80'}, 400, qr/IP address with a port/],
        ['POST', $servers, {address => '127.0.0.1'}, 400, qr/IP address with a port/],
        ['POST', $servers, {address => $c, weight => 257}, 400, qr/0 to 256/],
        ['POST', $servers, {address => $c, weight => '1'}, 400, qr/0 to 256/],
        ['POST', $servers, {address => $c, weight => 1.5}, 400, qr/0 to 256/],
        ['POST', $servers, {address => $c, weight => -1}, 400, qr/0 to 256/],
        ['POST', $servers, {address => $c, backup => 1}, 400, qr/true or false/],
        ['POST', $servers, {address => $c, name => "a\nb"}, 400, qr/control characters/],
        ['POST', $servers, {address => $c, name => ''}, 400, qr/control characters/],
        ['POST', $servers, {address => $c, name => 'x' x 240}, 400, qr/longer than 240/],
        ['POST', $servers, {address => $c, wait => 1}, 400, qr/"wait" is not a member/],
        ['POST', $servers, {address => at($w, 'a')}, 409, qr/already/],
        ['POST', $servers, {address => $c, name => 'bee'}, 409, qr/already/],
        ['POST', 'upstreams/nope/servers', {address => $c}, 404, qr/no upstream "nope"/],
        ['PATCH', "$servers/bee", {}, 400, qr/is missing/],
        ['PATCH', "$servers/bee", {state => 'off'}, 400, qr/"drain"/],
        ['PATCH', "$servers/bee", {state => 1}, 400, qr/"drain"/],
        ['PATCH', "$servers/bee", {address => $c}, 400, qr/"address" is not a member/],
        ['PATCH', "$servers/nope", {state => 'up'}, 404, qr/no server "nope"/],
        ['PATCH', 'upstreams/nope/servers/bee', {state => 'up'}, 404, qr/no upstream/],
        ['DELETE', "$servers/nope", undef, 404, qr/no server "nope"/],
        ['DELETE', $servers, undef, 405, qr/POST/],
        ['GET', $servers, undef, 405, qr/POST/],
        ['POST', "$servers/bee", {state => 'up'}, 405, qr/PATCH/],
        ['POST', 'changes', {}, 405, qr/GET/],
        ['PATCH', "$servers/bee/x", {state => 'up'}, 405, qr/GET/],
    );
    for my $case (@cases) {
        my ($method, $path, $data, $status, $re) = @$case;
        my ($got, $r) = call($w, $method, $path, $data);
        my $what = ref $data ? JSON::PP->new->canonical->encode($data) : substr($data // '', 0, 40);
        is($got, $status, "$method $path $what: $status");
        like($r->{error} // '', $re, '... with words');
    }
    is(call($w, 'PATCH', "$servers/bee", {state => 'down'}, type => 'text/plain'), 415, 'another type');
    is(call($w, 'PATCH', "$servers/bee", {state => 'down'}, type => undef), 415, 'no type');
    is(call($w, 'PATCH', "$servers/bee", {state => 'down'}, headers => [Origin => 'http://evil.test']), 403, 'Origin');
    is(call($w, 'DELETE', "$servers/bee", undef, headers => ['Sec-Fetch-Site' => 'cross-site']), 403, 'cross-site');
    is($w->get('admin', "/api/v1/$servers", method => 'DELETE', headers => [Host => 'evil.test'])->{status}, 403,
        'another Host');
    is(call($w, 'POST', $servers, '{"address":"' . ' ' x 20000 . '"}'), 413, 'a body that is too large');
    my $head = "POST /api/v1/$servers HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json";
    my $chunked = $w->client('admin');
    $chunked->send("$head; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n");
    $chunked->send(sprintf "1000\r\n%s\r\n", ' ' x 4096) for 1 .. 5;
    is($chunked->read_response->{status}, 413, 'in chunks neither');
    $chunked = $w->client('admin');
    my $json = "{\"address\":\"$c\"}";
    $chunked->send("$head; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n");
    $chunked->send("1\r\n$_\r\n") for split //, $json;
    $chunked->send("0\r\n\r\n");
    is($chunked->read_response->{status}, 201, 'but byte by byte is no matter');
    my $gone = $w->client('admin');
    $gone->send("$head\r\nContent-Length: 99\r\n\r\n{");
    $gone->reset;
    is(call($w, 'DELETE', "$servers/$c"), 200, 'after a client that left in the middle');
    ok(eventually(sub { !changes($w) }), 'nothing is changed');
    is(who($w), 'a b', 'and all serve');
    $w->stop_ok;
}

# ---- weir ctl
{
    my $w = new_weir();
    my $r = ctl($w, 'status');
    is($r->{exit}, 1, 'ctl without an instance: 1');
    like($r->{err}, qr/^weir: no instance answers at unix:\S+: /, 'in words');
    start_up($w);
    my ($a, $c) = map { '127.0.0.1:' . $w->port($_) } qw(a c);
    $r = ctl($w, qw(server add app), $c, qw(--weight 5 --name), 'the sea');
    is("$r->{exit} $r->{out}", qq(0 The server "the sea" of the upstream "app" is added: it is up, with weight 5.\n), 'server add')
        or diag $r->{err};
    is(who($w), 'a b c', 'it serves');
    is(ctl($w, qw(server weight app bee 9))->{exit}, 0, 'server weight');
    is(ctl($w, qw(server drain app), $a, 'bee')->{exit}, 0, 'server drain, two');
    is(who($w), 'c', 'one is left');
    is(ctl($w, qw(server up app), $a)->{exit}, 0, 'server up');
    is(ctl($w, qw(server down app), 'the sea')->{exit}, 0, 'server down');
    is(who($w), 'a', 'another one is left');
    is(ctl($w, qw(server up o/ther), $a)->{exit}, 0, 'an upstream whose name has a slash');
    $r = ctl($w, 'upstreams');
    like($r->{out}, qr/^app \(round_robin\)\n  SERVER +ADDRESS +STATE +BACKUP +WEIGHT .*\n/, 'upstreams: headings');
    like($r->{out}, qr/^  the sea +\Q$c\E +down +no +5 /m, 'upstreams: a line');
    like($r->{out}, qr/^o\/ther \(round_robin\)\n/m, 'upstreams: all');
    $r = ctl($w, 'upstreams', 'o/ther');
    unlike($r->{out}, qr/^app/m, 'upstreams NAME: one');
    $r = ctl($w, 'changes');
    like($r->{out}, qr/^UPSTREAM +SERVER +ADDRESS +ADDED +STATE +WEIGHT\n/, 'changes: headings');
    like($r->{out}, qr/^app +bee +\S+ +no +drain +9$/m, 'changes: a server of the file');
    like($r->{out}, qr/^app +the sea +\Q$c\E +yes +down +5$/m, 'changes: one that was added');
    $r = ctl($w, '--json', 'changes');
    is(scalar @{JSON::PP->new->decode($r->{out})->{changes}}, 2, '--json');
    is(JSON::PP->new->decode(ctl($w, 'status', '--json')->{out})->{pid}, $w->pid, 'status --json');
    $r = ctl($w, 'status');
    like($r->{out}, qr/^weir \S+, master @{[$w->pid]}, since .*, generation 1, /, 'status');
    like($r->{out}, qr/^app +round_robin +1 +3 /m, 'status: upstreams');
    like(ctl($w, 'metrics')->{out}, qr/^weir_upstream_server_up\{upstream="app",server="the sea"\} 0$/m, 'metrics');
    is(ctl($w, qw(server remove app), 'the sea')->{exit}, 0, 'server remove');
    ok(eventually(sub { ctl($w, 'changes')->{out} !~ /the sea/ }), 'gone');
    $r = ctl($w, 'reload');
    is("$r->{exit} $r->{out}", "0 Generation 2 serves: 4 workers, 2 listeners.\n", 'reload');
    is(ctl($w, qw(server up app bee))->{exit}, 0, 'at once behind it');
    is(ctl($w, qw(server weight app bee 1))->{exit}, 0, 'weight');
    is(ctl($w, 'changes')->{out}, "All servers are as the configuration says.\n", 'no changes');
    for my $case (
        [1, qr/no server "nope"/, qw(server up app nope)],
        [1, qr/no upstream "nope"/, qw(server up nope nope)],
        [1, qr/no upstream/, qw(upstreams nope)],
        [1, qr/IP address with a port/, qw(server add app here)],
        [2, qr/ctl takes status/],
        [2, qr/ctl takes status/, 'frob'],
        [2, qr/server takes add/, 'server'],
        [2, qr/server takes add/, qw(server frob app bee)],
        [2, qr/takes UPSTREAM SERVER/, qw(server up app)],
        [2, qr/0 to 256/, qw(server weight app bee lots)],
        [2, qr/one argument too many/, qw(status now)],
        [2, qr/no option --frob/, qw(status --frob)],
        [2, qr/needs an argument/, qw(server add app 127.0.0.1:1 --name)],
        [2, qr/go with server add/, qw(server up app bee --weight 1)],
    ) {
        my ($exit, $re, @args) = @$case;
        my $o = ctl($w, @args);
        is($o->{exit}, $exit, "ctl @args: $exit");
        like($o->{err}, $re, '... with words');
        is($o->{out}, '', '... nothing on standard output');
    }
    $w->write('weir.conf', 'workerz = 1;');
    is(ctl($w, 'reload')->{exit}, 1, 'a reload that is refused: 1');
    $w->allow(qr/reload refused|workerz|control = /);
    $w->stop_ok;
}

done_testing;
