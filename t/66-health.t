#!/usr/bin/env perl

# Active checks against servers that answer well, badly, late, never and in other protocols; what they come to in
# the API, in metrics, in the log and for traffic; that reload and the keeper's death lose nothing; alerts.

use strict;
use warnings;
use FindBin;
use JSON::PP;
use lib "$FindBin::Bin/lib";
use POSIX ();
use Test::More;
use Weir;
use Weir::Client;
use Weir::Fake;
use Weir::Processes;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 240;

my $fast = 'interval = "200ms"; fast_interval = "100ms"; timeout = "500ms"; fall = 2; rise = 2;';
my $ok   = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

# A configuration with these upstreams: NAME => settings of it beside `servers`; the port is called as it is.
sub conf_of {
    my ($ups, %o) = @_;
    my $top = $o{top} // '';
    my $upstreams = join ",\n", map {
        my ($settings, $servers) = ref $ups->{$_} ? @{$ups->{$_}} : ($ups->{$_}, "\"127.0.0.1:{{$_}}\"");
        "{ name = \"$_\"; servers = ( $servers ); $settings }"
    } sort keys %$ups;
    my $routes = join ', ', map { "{ prefix = \"/$_\"; proxy = \"$_\"; retry = { tries = 1; }; }" } sort keys %$ups;
    return <<"CONF";
workers = 2;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
pid_file = "{{dir}}/weir.pid";
control = "unix:{{dir}}/control.sock";
$top
listeners = ( "127.0.0.1:{{http}}", { address = "127.0.0.1:{{admin}}"; admin = true; } );
upstreams = ( $upstreams );
sites = ( { routes = ( $routes ); } );
CONF
}

sub weir_with {
    my ($ups, %o) = @_;
    my $w = Weir->new(ports => ['http', 'admin', @{$o{ports} // []}, sort keys %$ups], env => $o{env} // {});
    $w->conf(conf_of($ups, %o));
    return $w;
}

# The first server of the upstream as the API has it.
sub server {
    my ($w, $name, $n) = @_;
    my $r = $w->get('admin', "/api/v1/upstreams/$name", headers => [Host => 'localhost']);
    return JSON::PP->new->utf8->decode($r->{body})->{servers}[$n // 0];
}

# Waits until the server is in this state and the last check said this; a test.
# After a reload the old one is there for a moment too.
sub only_keeper {
    my ($w) = @_;
    my @keepers;
    eventually(sub { (@keepers = grep { comm_of($_) =~ /keeper/ } $w->children) == 1 });
    return $keepers[0];
}

sub becomes {
    my ($w, $name, $state, $reason, $n) = @_;
    my $s;
    my $is = Weir::wait_for(sub {
        $s = eval { server($w, $name, $n) } or return 0;    # the admin listener is there a moment later
        return $s->{state} eq $state && (!defined $reason || $s->{check}{reason} =~ $reason);
    });
    ok($is, "$name becomes $state" . (defined $reason ? " ($reason)" : ''))
        or diag($s ? "it is $s->{state}, $s->{check}{reason}" : "no answer: $@");
    return;
}

sub http_fake {
    my ($w, $name, $serve) = @_;
    my @count = $name eq 'hang' ? (file => $w->dir . '/hang') : ();
    return Weir::Fake->start(port => $w->port($name), @count, serve => sub {
        my ($sock) = @_;
        my $head = '';
        while ($head !~ /\r\n\r\n/) {
            sysread $sock, $head, 4096, length $head or return;
        }
        $serve->($sock, $head);
    });
}

sub comm_of {
    my ($pid) = @_;
    open my $in, '<', "/proc/$pid/comm" or return '';
    return readline $in;
}

sub until_closed { my ($sock) = @_; 1 while sysread $sock, my $buf, 4096; return }

# ---- HTTP servers, each bad in its own way
{
    my %bad = (
        refuse   => ['',                                     qr/^connect refused$/],
        hang     => [sub { until_closed($_[0]) },            qr/^timed out: the answer took more than 500 ms$/],
        dribble  => [sub { for my $c (split //, $ok) { syswrite $_[0], $c or last; select undef, undef, undef, 0.2 } },
                     qr/^timed out/],
        error    => [sub { syswrite $_[0], "HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n" },
                     qr/^status 500 Internal Server Error$/],
        moved    => [sub { syswrite $_[0], "HTTP/1.1 301 No\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n" },
                     qr/^status 301/],
        early    => [sub { syswrite $_[0], substr $ok, 0, -1 }, qr/^the server closed the connection within the body$/],
        mute     => [sub { },                                qr/^the server closed the connection without an answer$/],
        garbage  => [sub { syswrite $_[0], "\x00\x01\xff no HTTP \xfe\r\n\r\n" }, qr/^malformed answer: /],
        smuggler => [sub { syswrite $_[0], "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd" },
                     qr/^malformed answer: /],
        endless  => [sub { 1 while syswrite $_[0], 'HTTP/1.1 200 ' . 'x' x 10000 }, qr/^malformed answer: /],
        other    => [sub { syswrite $_[0], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nsad!\r\n0\r\n\r\n" },
                     qr/^status 200, but the body does not match$/],
    );
    my %ups = map { $_ => "health = { $fast uri = \"/healthz?x=1\"; };" } keys %bad;
    $ups{other}   = "health = { $fast expect = { body = \"happy\"; }; };";
    $ups{chunked} = "health = { $fast expect = { status = [ \"200-299\", 404 ]; body = \"^hap+y\"; }; };";
    $ups{head}    = "health = { $fast method = \"HEAD\"; host = \"a.test\"; headers = { X-Probe = \"yes\"; }; };";
    $ups{plain}   = 'health = true;';
    $ups{off}     = 'health = { type = "none"; };';
    $ups{never}   = '';
    my $w = weir_with(\%ups);
    my %fake = map { $_ => http_fake($w, $_, $bad{$_}[0]) } grep { ref $bad{$_}[0] } keys %bad;
    http_fake($w, 'chunked', sub {
        syswrite $_[0], "HTTP/1.1 404 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhap\r\n2\r\npy\r\n0\r\n\r\n";
    });
    my $heads = $w->dir . '/heads';
    http_fake($w, 'head', sub {
        open my $out, '>>', $heads or return;
        print {$out} $_[1];
        close $out;
        syswrite $_[0], "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n";
    });
    http_fake($w, $_, sub { syswrite $_[0], $ok }) for qw(plain off never);
    $w->allow(qr/ warn keeper \[\d+\] server \S+ of upstream \w+ is down: .*; 2 checks failed in a row$/,
        qr/"GET \/error" -> 503 /);
    $w->start;

    becomes($w, $_, 'down', $bad{$_}[1]) for sort keys %bad;
    becomes($w, $_, 'up', qr/^status 200$/) for qw(head plain);
    becomes($w, 'chunked', 'up', qr/^status 404$/);
    for my $name (qw(off never)) {
        is_deeply(server($w, $name)->{check}, {ok => undef, reason => 'not checked', at => undef}, "$name is not checked");
    }
    my $s = server($w, 'error');
    ok(!$s->{check}{ok} && abs($s->{check}{at} - time) < 30, 'the API tells when, and that it failed');
    ok(server($w, 'plain')->{check}{ok}, 'and that one passed');
    my $r = $w->get('http', '/error');
    is($r->{status}, 503, 'a server that is down gets no request');
    is($w->get('http', '/plain')->{status}, 200, 'one that is up does');

    my $head = do { local (@ARGV, $/) = ($heads); <> };
    like($head, qr{\AHEAD / HTTP/1\.1\r\n}, 'the method');
    like($head, qr/^Host: a\.test\r$/m, 'the host');
    like($head, qr/^X-Probe: yes\r$/m, 'the field');
    like($head, qr/^Connection: close\r$/m, 'the connection is for one check');
    my $m = $w->get('admin', '/metrics', headers => [Host => 'localhost'])->{body};
    like($m, qr/^weir_upstream_check_ok\{upstream="plain",[^}]*\} 1$/m, 'metrics of one that passed');
    like($m, qr/^weir_upstream_check_ok\{upstream="error",[^}]*\} 0$/m, 'of one that failed');
    like($m, qr/^weir_upstream_check_timestamp_seconds\{upstream="error",[^}]*\} \d{10}$/m, 'and when');
    unlike($m, qr/^weir_upstream_check_ok\{upstream="never"/m, 'none of one that is not checked');
    is(scalar(grep { /server \S+ of upstream error is down/ } $w->log_lines), 1, 'a change is one line in the log');

    # What hangs longer than the interval is never asked twice at a time.
    ok(Weir::wait_for(sub { $fake{hang}->opens >= 6 }), 'the hanging server is asked again and again');
    is((sort { $b <=> $a } $fake{hang}->opens)[0], 1, 'by one check at a time');

    # Recovery, and a second failure.
    $fake{error}->stop;
    my $again = http_fake($w, 'error', sub { syswrite $_[0], $ok });
    becomes($w, 'error', 'up', qr/^status 200$/);
    is($w->get('http', '/error')->{status}, 200, 'traffic is back');
    like($w->wait_log(qr/server \S+ of upstream error is up/) // '', qr/ notice keeper .* is up: status 200; 2 checks passed in a row$/,
        'the log has the recovery');
    $again->stop;
    becomes($w, 'error', 'down', qr/^connect refused$/);
    $w->stop_ok;
}

# ---- no traffic before the first pass; state survives reload and the keeper's death
{
    my %ups = (
        late  => "health = { $fast initial = \"checking\"; };",
        fine  => 'health = { interval = "1h"; initial = "checking"; };',
        gone  => "health = { $fast };",
        slow  => 'health = { interval = "1h"; fast_interval = "100ms"; timeout = "500ms"; };',
    );
    my $w = weir_with(\%ups, ports => ['extra']);
    my %fake = map { $_ => http_fake($w, $_, sub { syswrite $_[0], $ok }) } qw(fine slow);
    $w->allow(qr/ warn keeper .* is down: connect refused; /, qr/upstream \w+ has not passed a check yet: connect refused$/,
        qr/was ended by signal 9/, qr/"GET \/(?:late|gone)" -> 503 /);
    $w->start;
    is($w->get('http', '/late')->{status}, 503, 'no traffic to what has not passed a check');
    becomes($w, 'late', 'checking', qr/^connect refused$/);
    ok($w->wait_log(qr/server \S+ of upstream late has not passed a check yet: connect refused$/), 'the log says what it waits for');
    becomes($w, 'fine', 'up', qr/^status 200$/);    # within the hour: probed at once
    becomes($w, 'gone', 'down', qr/^connect refused$/);

    my $reload = sub { return $w->run('-c', $w->dir . '/weir.conf', '-s', 'reload')->{exit} };
    is($reload->(), 0, 'reload');
    is(server($w, 'gone')->{state}, 'down', 'what was down is down after a reload');
    is(server($w, 'late')->{state}, 'checking', 'what was waited for is');
    is(server($w, 'fine')->{state}, 'up', 'what was up is up');
    is($w->get('http', '/gone')->{status}, 503, 'and gets no request');

    my $keeper = only_keeper($w);
    kill KILL => $keeper;
    ok($w->wait_log(qr/keeper 0 \[$keeper\] was ended by signal 9/), 'the keeper is killed');
    is($w->get('http', '/gone')->{status}, 503, 'the workers know still');
    ok(eventually(sub { eval { server($w, 'gone')->{state} eq 'down' } }), 'the new keeper knows');
    is(scalar(grep { /upstream gone is down/ } $w->log_lines), 1, 'and that is no change');

    $fake{$_} = http_fake($w, $_, sub { syswrite $_[0], $ok }) for qw(gone late);
    becomes($w, 'gone', 'up', qr/^status 200$/);
    becomes($w, 'late', 'up', qr/^status 200$/);
    ok($w->wait_log(qr/upstream late is up: status 200; it passed its first check$/), 'the first pass is in the log');
    is($w->get('http', '/late')->{status}, 200, 'traffic after the first pass');

    # Checks that are taken out of the configuration leave nothing behind.
    $fake{gone}->stop;
    becomes($w, 'gone', 'down');
    $w->conf(conf_of({%ups, gone => ''}));
    is($reload->(), 0, 'reload without checks of one');
    becomes($w, 'gone', 'up', qr/^not checked$/);
    $w->stop_ok;
}

# ---- servers that come and go at run time
{
    my $w = weir_with({app => "health = { $fast initial = \"checking\"; };", none => 'health = { type = "none"; };'},
        ports => [qw(new dead)]);
    my $call = sub {
        my ($method, $path, $data) = @_;
        my $body = $data ? JSON::PP->new->encode($data) : '';
        return $w->get('admin', "/api/v1/upstreams/$path", method => $method, body => $body,
            headers => [Host => 'localhost', 'Content-Type' => 'application/json'])->{status};
    };
    my @kept = map { http_fake($w, $_, sub { syswrite $_[0], $ok }) } qw(app new none);
    $w->allow(qr/has not passed a check yet/, qr/ warn keeper .* is down: connect refused; /, qr/was ended by signal 9/,
        qr/state_dir/);
    $w->start;
    becomes($w, 'app', 'up', qr/^status 200$/);
    is($call->('POST', 'app/servers', {address => '127.0.0.1:' . $w->port('dead'), name => 'dead'}), 201, 'one is added that is not there');
    is($w->get('http', '/app')->{status}, 200, 'it gets no request') for 1 .. 10;
    becomes($w, 'app', 'checking', qr/^connect refused$/, 1);
    is($call->('POST', 'app/servers', {address => '127.0.0.1:' . $w->port('new'), name => 'new'}), 201, 'one is added that is');
    becomes($w, 'app', 'up', qr/^status 200$/, 2);
    ok($w->wait_log(qr/server new of upstream app is up: status 200; it passed its first check$/), 'the log has it');
    is($call->('POST', 'none/servers', {address => '127.0.0.1:' . $w->port('new'), name => 'new'}), 201, 'one without checks');
    is(server($w, 'none', 1)->{state}, 'up', 'is taken for well');

    $kept[1]->stop;
    becomes($w, 'app', 'down', qr/^connect refused$/, 2);
    my $keeper = only_keeper($w);
    kill KILL => $keeper;
    ok($w->wait_log(qr/keeper 0 \[$keeper\] was ended by signal 9/), 'the keeper is killed');
    ok(eventually(sub { eval { server($w, 'app', 2)->{state} eq 'down' } }), 'the new one knows it is down');
    $kept[1] = http_fake($w, 'new', sub { syswrite $_[0], $ok });
    becomes($w, 'app', 'up', qr/^status 200$/, 2);
    is(scalar(grep { /server new of upstream app is down/ } $w->log_lines), 1, 'which was one change');

    # A server of the same name is another one, which knows nothing of the first.
    is($call->('DELETE', 'app/servers/dead'), 200, 'one is taken out');
    push @kept, http_fake($w, 'dead', sub { syswrite $_[0], $ok });
    is($call->('POST', 'app/servers', {address => '127.0.0.1:' . $w->port('dead'), name => 'dead'}), 201, 'and comes back');
    ok($w->wait_log(qr/server dead of upstream app is up: status 200; it passed its first check$/), 'it is checked like any other');
    $w->stop_ok;
}

# ---- other protocols
sub packet { my ($n, $payload) = @_; return substr(pack('V', length $payload), 0, 3) . chr($n) . $payload }

sub read_packet {
    my ($sock) = @_;
    my $buf = '';
    while (length $buf < 4 || length $buf < 4 + unpack 'V', substr($buf, 0, 3) . "\0") {
        sysread $sock, $buf, 4096, length $buf or return;
    }
    return substr $buf, 4;
}

my $greeting = "\x0a5.5.5-fake\0" . pack('V', 7) . 'A' x 8 . "\0" . pack('v', 0xffff) . "\x21" . pack('v', 2)
    . pack('v', 0x000f) . "\x15" . "\0" x 10 . 'B' x 12 . "\0mysql_native_password\0";

sub mysql_fake {
    my ($w, $name, $answers) = @_;
    my $log = $w->dir . "/mysql-$name";
    return Weir::Fake->start(port => $w->port($name), serve => sub {
        my ($sock) = @_;
        my $n = 1;
        syswrite $sock, packet(0, $greeting);
        for my $answer (@$answers) {
            my $p = read_packet($sock) // return;
            syswrite $sock, packet(++$n, $answer);
            $n++;
        }
        my $quit = read_packet($sock) // return;
        open my $out, '>>', $log or return;
        print {$out} $quit eq "\x01" ? "quit\n" : "other\n";
    });
}

# HTTP/2 of a scripted gRPC server: SETTINGS, then HEADERS, DATA and trailers without a table.
sub h2_frame { my ($type, $flags, $stream, $body) = @_; return substr(pack('N', length $body), 1) . pack('CCN', $type, $flags, $stream) . $body }
sub h2_fields {
    my (@f) = @_;
    my $out = '';
    while (my ($n, $v) = splice @f, 0, 2) {
        $out .= "\0" . chr(length $n) . $n . chr(length $v) . $v;
    }
    return $out;
}

sub grpc_fake {
    my ($w, $name, $status, $message) = @_;
    my $log = $w->dir . "/grpc-$name";
    return Weir::Fake->start(port => $w->port($name), serve => sub {
        my ($sock) = @_;
        my $in = '';
        while ($in !~ /PRI \* HTTP\/2\.0\r\n\r\nSM\r\n\r\n.*\0\0.\0\x01\0\0\0\x01/s) {
            sysread $sock, $in, 4096, length $in or return;
        }
        open my $out, '>>', $log or return;
        print {$out} $in;
        close $out;
        my $answer = h2_frame(4, 0, 0, '') . h2_frame(1, 4, 1, h2_fields(':status', 200, 'content-type', 'application/grpc'));
        $answer .= h2_frame(0, 0, 1, "\0" . pack('N', length $message) . $message) if defined $message;
        syswrite $sock, $answer . h2_frame(1, 5, 1, h2_fields('grpc-status', $status));
        until_closed($sock);
    });
}

# Starts a program and waits for its port; ended by pid.
my %programs;

sub program {
    my ($port, @argv) = @_;
    my $pid = fork // die "fork: $!\n";
    if (!$pid) {
        %programs = ();
        open STDIN, '<', '/dev/null';
        open STDOUT, '>', '/dev/null';
        open STDERR, '>', '/dev/null';
        exec {$argv[0]} @argv or POSIX::_exit(127);
    }
    $programs{$pid} = 1;
    my $up = Weir::wait_for(sub { IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port) ? 1 : 0 }, 30);
    return $up ? $pid : undef;
}

sub end_program {
    my ($pid) = @_;
    delete $programs{$pid} or return;
    kill TERM => $pid;
    waitpid $pid, 0;
    return;
}

END { local $?; end_program($_) for keys %programs }

sub find { my ($name) = @_; return (grep { -x } map { "$_/$name" } split(/:/, $ENV{PATH}), '/usr/sbin')[0] }

{
    my $pass = "$fast initial = \"checking\";";
    my %ups  = (
        tcp      => "health = { type = \"tcp\"; $pass };",
        banner   => "health = { type = \"tcp\"; send = \"HELO\\r\\n\"; expect = \"(?s)^220 .*250 \"; $pass };",
        nobanner => "health = { type = \"tcp\"; expect = \"^220 \"; $fast };",
        unix     => ["health = { type = \"http\"; $pass };", '"unix:{{dir}}/app.sock"'],
        ownport  => ["health = { type = \"tcp\"; port = {{tcp}}; $pass };", '"127.0.0.1:{{ownport}}"'],
        redis    => "health = { type = \"redis\"; $pass };",
        master   => "health = { type = \"redis\"; role = \"master\"; $pass };",
        replica  => "health = { type = \"redis\"; role = \"replica\"; $fast };",
        noauth   => "health = { type = \"redis\"; $fast };",
        mysql    => "health = { type = \"mysql\"; user = \"weir\"; $pass };",
        switch   => "health = { type = \"mysql\"; user = \"weir\"; $pass };",
        greet    => "health = { type = \"mysql\"; $pass };",
        denied   => "health = { type = \"mysql\"; user = \"weir\"; $fast };",
        nomysql  => "health = { type = \"mysql\"; user = \"weir\"; $fast };",
        grpc     => "health = { type = \"grpc\"; uri = \"/my.Service\"; $pass };",
        notserving => "health = { type = \"grpc\"; $fast };",
        unimplemented => "health = { type = \"grpc\"; $fast };",
        nogrpc   => "health = { type = \"grpc\"; $fast };",
    );
    my $w = weir_with(\%ups);
    my $lines = sub {
        my ($sock, @pairs) = @_;
        my $in = '';
        while (my ($want, $say) = splice @pairs, 0, 2) {
            while ($in !~ s/.*?\Q$want\E//s) {
                sysread $sock, $in, 4096, length $in or return;
            }
            syswrite $sock, $say;
        }
        until_closed($sock);
    };
    my $role = "*3\r\n\$6\r\nmaster\r\n:0\r\n*0\r\n";
    my %serve = (
        tcp      => sub { until_closed($_[0]) },
        banner   => sub { syswrite $_[0], "220 hello\r\n"; $lines->($_[0], "HELO\r\n", "250 well\r\n") },
        nobanner => sub { syswrite $_[0], "554 no\r\n" },
        redis    => sub { $lines->($_[0], "PING\r\n", "+PONG\r\n") },
        master   => sub { $lines->($_[0], "PING\r\n", "+PONG\r\n", "ROLE\r\n", $role) },
        replica  => sub { $lines->($_[0], "PING\r\n", "+PONG\r\n", "ROLE\r\n", $role) },
        noauth   => sub { $lines->($_[0], "PING\r\n", "-NOAUTH Authentication required.\r\n") },
        nomysql  => sub { syswrite $_[0], $ok },
        nogrpc   => sub { syswrite $_[0], $ok },
    );
    Weir::Fake->start(port => $w->port($_), serve => $serve{$_}) for keys %serve;
    Weir::Fake->start(path => $w->dir . '/app.sock', serve => sub { sysread $_[0], my $in, 4096; syswrite $_[0], $ok });
    chmod 0777, $w->dir . '/app.sock';
    my $granted = "\0\0\0\2\0\0\0";
    mysql_fake($w, 'mysql', [$granted]);
    mysql_fake($w, 'switch', ["\xfemysql_native_password\0" . 'C' x 20 . "\0", $granted]);
    mysql_fake($w, 'greet', []);
    mysql_fake($w, 'denied', ["\xff" . pack('v', 1045) . '#28000Access denied for user']);
    grpc_fake($w, 'grpc', 0, "\x08\x01");
    grpc_fake($w, 'notserving', 0, "\x08\x02");
    grpc_fake($w, 'unimplemented', 12);
    $w->allow(qr/ warn keeper .* is down: /, qr/has not passed a check yet/);
    $w->start;

    becomes($w, 'tcp', 'up', qr/^connected$/);
    becomes($w, 'banner', 'up', qr/^the answer matches$/);
    becomes($w, 'nobanner', 'down', qr/^the answer does not match$/);
    becomes($w, 'unix', 'up', qr/^status 200$/);
    becomes($w, 'ownport', 'up', qr/^connected$/);
    becomes($w, 'redis', 'up', qr/^PONG$/);
    becomes($w, 'master', 'up', qr/^PONG, role master$/);
    becomes($w, 'replica', 'down', qr/^the role is "master" and not "slave"$/);
    becomes($w, 'noauth', 'down', qr/^the server says: NOAUTH Authentication required\.$/);
    becomes($w, $_, 'up', qr/^logged in$/) for qw(mysql switch);
    becomes($w, 'greet', 'up', qr/^greeted$/);
    becomes($w, 'denied', 'down', qr/^refused: Access denied for user$/);
    becomes($w, 'nomysql', 'down', qr/^the (?:greeting|answer) is not MySQL's$/);
    becomes($w, 'grpc', 'up', qr/^SERVING$/);
    becomes($w, 'notserving', 'down', qr/^the service is NOT_SERVING$/);
    becomes($w, 'unimplemented', 'down', qr/^grpc-status 12 \(/);
    becomes($w, 'nogrpc', 'down');
    ok(Weir::wait_for(sub { $w->read('mysql-mysql') =~ /^quit$/m }), 'a login ends with a goodbye');
    unlike($w->read('mysql-mysql'), qr/other/, 'and with nothing else');
    like($w->read('grpc-grpc'), qr/\0\0\0\0\x0c\x0a\x0amy\.Service/, 'the service is named');
    $w->stop_ok;
}

# ---- real servers, where they are
SKIP: {
    my $redis = find('redis-server') or skip 'no redis-server', 3;
    my $w = weir_with({redis => "health = { type = \"redis\"; role = \"master\"; $fast initial = \"checking\"; };"});
    $w->allow(qr/ warn keeper .* is down: /, qr/has not passed a check yet/);
    my $pid = program($w->port('redis'), $redis, '--port', $w->port('redis'), '--bind', '127.0.0.1', '--save', '', '--dir', $w->dir);
    ok($pid, 'redis-server runs') or skip 'it does not', 2;
    $w->start;
    becomes($w, 'redis', 'up', qr/^PONG, role master$/);
    end_program($pid);
    becomes($w, 'redis', 'down', qr/^connect refused$/);
    $w->stop_ok;
}

SKIP: {
    my $mariadb = find('mariadbd');
    my $install = find('mariadb-install-db');
    skip 'no mariadbd', 4 if !$mariadb || !$install;
    my $w = weir_with({
        mysql  => "health = { type = \"mysql\"; user = \"weir\"; $fast initial = \"checking\"; };",
        nobody => ["health = { type = \"mysql\"; user = \"nobody_here\"; $fast };", '"127.0.0.1:{{mysql}}"'],
    });
    $w->allow(qr/ warn keeper .* is down: /, qr/has not passed a check yet/);
    my @options = ('--no-defaults', '--datadir=' . $w->dir . '/db', ($> == 0 ? '--user=root' : ()));
    my $null = '>/dev/null 2>&1';
    system "$install @options --auth-root-authentication-method=normal --skip-test-db $null";
    $w->write('init.sql', "CREATE USER 'weir'\@'127.0.0.1';\nFLUSH PRIVILEGES;\n");
    my $pid = program($w->port('mysql'), $mariadb, @options, '--bind-address=127.0.0.1', '--port=' . $w->port('mysql'),
        '--socket=' . $w->dir . '/db.sock', '--skip-name-resolve', '--innodb-buffer-pool-size=8M', '--pid-file=' . $w->dir . '/db.pid',
        '--init-file=' . $w->dir . '/init.sql');
    ok($pid, 'mariadbd runs') or skip 'it does not', 3;
    $w->start;
    becomes($w, 'mysql', 'up', qr/^logged in$/);
    becomes($w, 'nobody', 'down', qr/^refused: Access denied/);
    end_program($pid);
    becomes($w, 'mysql', 'down');
    $w->stop_ok;
}

# ---- https: the certificate counts
SKIP: {
    my $openssl = find('openssl') or skip 'no openssl', 4;
    my $https   = sub { "health = { type = \"https\"; host = \"$_[0]\"; interval = \"200ms\"; initial = \"checking\"; };" };
    my $w = weir_with({tls => $https->('app.test'), name => [$https->('other.test'), '"127.0.0.1:{{tls}}"'],
        plain => $https->('app.test')});
    $w->allow(qr/has not passed a check yet/);
    my $dir = $w->dir;
    system "$openssl req -x509 -newkey rsa:2048 -nodes -keyout $dir/key.pem -out $dir/cert.pem -days 2 -subj /CN=app.test "
        . '-addext subjectAltName=DNS:app.test >/dev/null 2>&1';
    my $pid = program($w->port('tls'), $openssl, 's_server', '-accept', '127.0.0.1:' . $w->port('tls'), '-cert', "$dir/cert.pem",
        '-key', "$dir/key.pem", '-www', '-quiet');
    ok($pid, 'a TLS server runs') or skip 'it does not', 3;
    Weir::Fake->start(port => $w->port('plain'), serve => sub { sysread $_[0], my $in, 4096; syswrite $_[0], $ok });
    $w->{env}{SSL_CERT_FILE} = "$dir/cert.pem";
    $w->start;
    becomes($w, 'tls', 'up', qr/^status 200$/);
    becomes($w, 'name', 'checking', qr/^certificate: hostname mismatch/i);
    becomes($w, 'plain', 'checking', qr/^TLS handshake: /);
    $w->stop_ok;
    delete $w->{env}{SSL_CERT_FILE};
    $w->{env}{SSL_CERT_FILE} = '/dev/null';
    $w->start;
    becomes($w, 'tls', 'checking', qr/^certificate: self-signed certificate/i);
    $w->stop_ok;
    end_program($pid);
}

# ---- alerts: once a change, by command and webhook, whatever those do
{
    my $w = weir_with({
        app  => ["health = { $fast }; alert = { command = \"{{dir}}/alert.sh\"; webhook = \"http://127.0.0.1:{{hook}}/told?x=1\"; };",
            '{ address = "127.0.0.1:{{app}}"; name = "one"; }'],
        bad  => "health = { $fast }; alert = { command = \"{{dir}}/bad.sh\"; webhook = \"http://127.0.0.1:{{nohook}}\"; };",
        late => "health = { $fast }; alert = { command = \"{{dir}}/late.sh\"; };",
    }, ports => [qw(hook nohook)]);
    my $out = $w->write('told', '');
    chmod 0666, $out;
    my %script = (
        'alert.sh' => "echo \"\$WEIR_UPSTREAM \$WEIR_SERVER \$WEIR_STATE \$WEIR_REASON\" >>$out\n",
        'bad.sh'   => "exit 3\n",
        'late.sh'  => "sleep 60\n",
    );
    chmod 0755, $w->write($_, "#!/bin/sh\n$script{$_}") for keys %script;
    my $hook = $w->upstream('hook', {do => 'fixed', status => 204, close => 1});
    my $app  = http_fake($w, 'app', sub { syswrite $_[0], $ok });
    $w->allow(qr/ warn keeper .* is down: /, qr/alert command \S+bad\.sh ended with status 3 \(server \S+ of upstream bad is down\)$/,
        qr/alert webhook \S+: connect refused \(server \S+ of upstream bad is down\)$/,
        qr/alert command \S+late\.sh took too long and was killed/);
    $w->start;
    becomes($w, 'app', 'up', qr/^status 200$/);
    $app->stop;
    becomes($w, 'app', 'down');
    ok(Weir::wait_for(sub { $w->read('told') =~ /\n/ }), 'the command is run');
    $app = http_fake($w, 'app', sub { syswrite $_[0], $ok });
    becomes($w, 'app', 'up');
    ok(Weir::wait_for(sub { $w->read('told') =~ /\n.*\n/ }), 'and again');
    is($w->read('told'), "app one down connect refused\napp one up status 200\n", 'once a change, with what happened');
    my @told = $hook->wait_seen(2);
    is(scalar @told, 2, 'the webhook is told of both');
    is($told[0]{target}, '/told?x=1', 'its target');
    is(Weir::Client::header($told[0], 'content-type'), 'application/json', 'its type');
    my @said = map { JSON::PP->new->utf8->decode($_->{body}) } @told;
    is_deeply([map { [@$_{qw(upstream server state reason)}] } @said],
        [[qw(app one down), 'connect refused'], [qw(app one up), 'status 200']], 'what it is told');
    ok($said[0]{at} > time - 60 && $said[0]{at} <= time, 'and when');
    ok($w->wait_log(qr/alert command \S+bad\.sh ended with status 3/), 'a command that fails is in the log');
    ok($w->wait_log(qr/alert webhook \S+: connect refused/), 'a webhook that fails too');
    ok($w->wait_log(qr/alert command \S+late\.sh took too long and was killed/, 20), 'one that hangs is killed');
    is(server($w, 'late')->{state}, 'down', 'and nothing waited for it');
    $w->stop_ok;
}

# ---- what cannot be right is said
{
    my %wrong = (
        'health = { uri = "healthz"; };'                          => qr/'uri' is "healthz"; write a path that begins with "\/"/,
        'health = { interval = "50ms"; };'                        => qr/'interval' is out of range; write a value from "100ms"/,
        'health = { timeout = "0s"; };'                           => qr/'timeout' is out of range/,
        'health = { fast_interval = "20ms"; };'                   => qr/'fast_interval' is less than 100ms/,
        'health = { fall = 0; };'                                 => qr/'fall' is out of range/,
        'health = { expect = { body = "("; }; };'                 => qr/the regex "\(" is wrong at byte 1/,
        'health = { expect = { status = 700; }; };'               => qr/'status' is out of range/,
        'health = "smtp";'                                        => qr/cannot be "smtp"; write "http", "https", "tcp"/,
        'health = { type = "tcp"; uri = "/x"; };'                 => qr/'uri' means nothing to checks of type "tcp"/,
        'health = { type = "redis"; role = "boss"; };'            => qr/'role' is "boss"; write "master" or "slave"/,
        'health = { headers = { Host = "x"; }; };'                => qr/write host = /,
        'health = { method = "G T"; };'                           => qr/'method' is "G T"/,
        'alert = "/nonexistent/program";'                         => qr/cannot run \/nonexistent\/program: No such file/,
        'alert = { webhook = "ftp://127.0.0.1/"; };'              => qr/write "http:\/\/HOST:PORT\/PATH"/,
        'alert = true;'                                           => qr/'alert' tells nobody/,
    );
    my $w = weir_with({a => ''});
    for my $settings (sort keys %wrong) {
        $w->conf(conf_of({a => $settings}));
        my $r = $w->run('-t', '-c', $w->dir . '/weir.conf');
        ok($r->{exit} && $r->{err} =~ /weir\.conf:7: .*$wrong{$settings}/, "-t: $settings") or diag($r->{err});
    }
    $w->conf(conf_of({a => 'health = { type = "tcp"; };', b => ["health = { jitter = 10; };", '"127.0.0.1:{{a}}"']},
        top => 'defaults = { health = { uri = "/alive"; interval = "7s"; }; alert = { webhook = "http://127.0.0.1:{{a}}/"; }; };'));
    is($w->run('-t', '-c', $w->dir . '/weir.conf')->{exit}, 0, 'defaults may be of another type');
    like($w->run('explain', '-c', $w->dir . '/weir.conf', 'http://localhost:{{http}}/b')->{out},
        qr{^health +http GET /alive every 7s, timeout 5s, down after 3 failures, up after 2 passes$}m, 'explain says how it is checked');
}

done_testing();
