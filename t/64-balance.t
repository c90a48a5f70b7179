#!/usr/bin/env perl

# How servers are chosen, by one worker and by four: in turn, by load over all workers, by keys that stay
# where they are over workers, reloads and instances, with servers that hang, are slow or are gone; and divert.

use strict;
use warnings;
use FindBin;
use JSON::PP qw(decode_json);
use List::Util qw(max min sum);
use POSIX qw(ceil);
use Time::HiRes qw(sleep);
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;

local $SIG{ALRM} = sub { die "test takes too long\n" };
alarm 180;

my @names = qw(a b c d);

sub servers {
    my (%extra) = @_;
    return join ', ',
        map { "{ name = \"$_\"; address = \"127.0.0.1:{{$_}}\"; " . ($extra{$_} // '') . ' }' } @names;
}

sub conf {
    my ($workers, %extra) = @_;
    my $all = servers(%extra);
    my %upstreams = (
        'round-robin' => 'balance = "round_robin";',
        static        => 'balance = "static_rr";',
        'least-conn'  => 'balance = "least_conn";',
        'least-time'  => 'balance = "least_time";',
        'least-pending' => 'balance = "least_pending";',
        random        => 'balance = "random";',
        first         => 'balance = "first";',
        source        => 'balance = "source";',
        uri           => 'balance = { method = "uri"; depth = 2; }; hash_method = "consistent";',
        whole         => 'balance = { method = "uri"; whole = true; }; hash_method = "consistent";',
        param         => 'balance = { method = "url_param"; name = "user"; };',
        header        => 'balance = { method = "header"; name = "X-User"; };',
        cookie        => 'balance = { method = "rdp_cookie"; name = "mstshash"; }; hash_method = "consistent";',
        hash          => 'balance = { method = "hash"; key = "$header_x_user$arg_user"; }; hash_method = "consistent";',
        bounded       => 'balance = "source"; hash_method = "consistent"; hash_balance_factor = 125;',
    );
    my $upstreams = join ",\n",
        map { "{ name = \"$_\"; $upstreams{$_} servers = ( $all ); }" } sort keys %upstreams;
    my $routes = join ",\n", map { "{ prefix = \"/$_\"; proxy = \"$_\"; }" } sort keys %upstreams;
    return <<"CONF";
workers = $workers;
pid_file = "{{dir}}/pid"; control = "unix:{{dir}}/control";
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; proxy_protocol = false; trusted = [ "127.0.0.1" ]; } );
upstreams = ( $upstreams,
  { name = "main"; servers = ( { name = "a"; address = "127.0.0.1:{{a}}"; } );
    divert = ( { to = "down"; when = ( { query = "down"; } ); },
      { to = "second"; when = ( { query = "second"; } ); },
      { to = "third"; when = ( { query = "third"; } ); } ); },
  { name = "second"; servers = ( { name = "b"; address = "127.0.0.1:{{b}}"; } );
    divert = ( { to = "third"; when = ( { header = "X-Third"; } ); } ); },
  { name = "third"; servers = ( { name = "c"; address = "127.0.0.1:{{c}}"; max_connections = 4; } ); },
  { name = "down"; servers = ( { name = "d"; address = "127.0.0.1:{{d}}"; down = true; } );
    divert = ( { to = "third"; } ); }
);
sites = ( { name = "all"; routes = ( $routes, { prefix = "/divert"; proxy = "main"; } ); } );
CONF
}

# /slow of the last server is slow, /hang of all does not answer.
sub start_servers {
    my ($w) = @_;
    return map {
        my $name = $_;
        my $ok   = {do => 'fixed', body => $name};
        $name => $w->upstream($name, {
            '*' => $ok,
            (map { ("/$_/hang" => 'hang') } qw(least-conn least-pending bounded random divert)),
            '/least-time/slow' => $name eq 'd' ? sub {
                my ($conn) = @_;
                sleep 0.2;
                $conn->send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nd");
                return 1;
            } : $ok,
        });
    } @names;
}

sub ask {
    my ($w, $path, @headers) = @_;
    return $w->get('http', $path, headers => \@headers)->{body} // 'nothing';
}

# On a connection that is kept, and so by one worker.
sub next_on {
    my ($c, $path) = @_;
    $c->send("GET $path HTTP/1.1\r\nHost: a.test\r\n\r\n");
    return $c->read_response->{body} // 'nothing';
}

sub count {
    my (@answers) = @_;
    my %count = map { $_ => 0 } @names;
    $count{$_}++ for @answers;
    return map { $count{$_} } @names;
}

# Requests that hang, one after the other, each seen by a server before the next; their connections.
sub hang {
    my ($w, $path, $n, $pause) = @_;
    my @open;
    my $before = sum hanging($w, $path);
    for my $i (1 .. $n) {
        my $c = $w->client('http');
        $c->send("GET $path HTTP/1.1\r\nHost: a.test\r\n\r\n");
        push @open, $c;
        Weir::wait_for(sub { sum(hanging($w, $path)) >= $before + $i })
            or die "request $i of $path came nowhere\n";
        sleep $pause if $pause;
    }
    return @open;
}

# How many of them each server has seen; not by seen(), which reads all of them each time.
sub hanging {
    my ($w, $path) = @_;
    return map {
        my ($file) = glob $w->dir . "/upstream-$_-*.json";
        my $seen = () = ($file ? $w->read($file =~ s{.*/}{}r) : '') =~ m{"target":"\Q$path\E"}g;
        $seen;
    } @names;
}

my %keyed = (
    source => sub { return "/source" },
    uri    => sub { return "/uri/$_[0]/" . rand },
    whole  => sub { return "/whole/?$_[0]" },
    param  => sub { return '/param/?x=' . rand() . "&user=$_[0]" },
    header => sub { return '/header/', 'X-User' => $_[0] },
    cookie => sub { return '/cookie/' . rand, Cookie => "a=b; mstshash=$_[0]; c=d" },
    hash   => sub { return '/hash/' . rand, 'X-User' => $_[0] },
);

# Where each key goes.
sub places {
    my ($w, $method, @keys) = @_;
    return join '', map { ask($w, $keyed{$method}->($_)) } @keys;
}

my @keys = map { "key-$_" } 1 .. 24;
my %first_instance;

sub keys_stay {
    my ($w, $workers) = @_;
    my %places;
    for my $method (sort keys %keyed) {
        $places{$method} = places($w, $method, @keys);
        is(places($w, $method, @keys), $places{$method}, "$workers: $method: a key stays where it is");
        my $spread = () = join('', sort split //, $places{$method}) =~ /(.)\1*/g;
        my @wanted = $method eq 'source' ? ('==', 1) : ('>=', 3);    # there is one client only
        cmp_ok($spread, $wanted[0], $wanted[1], "$workers: $method: $spread servers");
        $first_instance{$method} //= $places{$method};
        is($places{$method}, $first_instance{$method}, "$workers: $method: and the same in each instance");
    }
    # A server is drained: its keys move, the others stay, also where all processes are new.
    my %old = map { $_ => 1 } $w->children;
    $w->conf(conf($workers, b => 'weight = 0;'));
    $w->signal('HUP');
    my $reloaded = sub { my @new = $w->children; return @new == $workers + 1 && !grep { $old{$_} } @new };
    ok(Weir::wait_for($reloaded), "$workers: reload");
    for my $method (qw(uri whole cookie hash)) {
        my $now = places($w, $method, @keys);
        my @moved = grep { substr($now, $_, 1) ne substr($places{$method}, $_, 1) } 0 .. $#keys;
        my @owned = grep { substr($places{$method}, $_, 1) eq 'b' } 0 .. $#keys;
        is_deeply(\@moved, \@owned, "$workers: $method: only the keys of a server that is drained move")
            or diag("$places{$method} $now");
    }
    $w->conf(conf($workers));
    $w->signal('HUP');
    ok(Weir::wait_for(sub { places($w, 'uri', @keys) eq $places{uri} }), "$workers: and come back with it");
    return;
}

sub in_turn {
    my ($w, $workers) = @_;
    my $c = $w->client('http');
    my @answers = map { next_on($c, '/round-robin') } 1 .. 40;
    is_deeply([count(@answers)], [10, 10, 10, 10], "$workers: round_robin of one worker is exact");
    my $without = join '', map { next_on($c, '/header/') } 1 .. 8;
    like($without, qr/\A(....)\1\z/, "$workers: without the key in turn");
    is_deeply([count(split //, $without)], [2, 2, 2, 2], "$workers: all of them");
    for my $method (qw(static least-conn least-pending random)) {
        my @count = count(map { ask($w, "/$method") } 1 .. 80);
        cmp_ok(min(@count), '>', 0, "$workers: $method asks all when nobody is busy") or diag("@count");
    }
    is_deeply([count(map { ask($w, '/first') } 1 .. 10)], [10, 0, 0, 0], "$workers: first");
    return;
}

sub by_load {
    my ($w, $workers) = @_;
    {
        # The others' requests are known 20 ms later.
        my @open = hang($w, '/least-conn/hang', 40, $workers > 1 ? 0.03 : 0);
        is_deeply([hanging($w, '/least-conn/hang')], [10, 10, 10, 10],
            "$workers: least_conn is even over all workers");
        $_->reset for @open;
    }
    {
        my @open = hang($w, '/random/hang', 40, $workers > 1 ? 0.03 : 0);
        my @count = hanging($w, '/random/hang');
        cmp_ok(max(@count), '<=', 16, "$workers: random: nobody has much more than the others")
            or diag("@count");
        $_->reset for @open;
    }
    {
        # One client, so one key: without a bound all would be on one server.
        my ($home, @open) = (ask($w, '/bounded/'));
        for my $n (1 .. 5) {
            push @open, hang($w, '/bounded/hang', 8, 0);
            my @count = hanging($w, '/bounded/hang');
            cmp_ok(max(@count), '<=', ceil(1.25 * 8 * $n / 4), "$workers: the load is bounded at " . 8 * $n)
                or diag("@count");
        }
        $_->reset for @open;
        ok(Weir::wait_for(sub { ask($w, '/bounded/') eq $home }), "$workers: and goes home afterwards");
    }
    {
        my @open = hang($w, '/least-pending/hang', 4 * $workers, 0);
        my @count = hanging($w, '/least-pending/hang');
        cmp_ok(min(@count), '>', 0, "$workers: least_pending: everybody has one") or diag("@count");
        $_->reset for @open;
    }
    {
        my $c = $w->client('http');
        my @answers = map { next_on($c, '/least-time/slow') } 1 .. 60;
        my @count = count(@answers);
        cmp_ok($count[3], '<=', 5, "$workers: least_time leaves the slow one") or diag("@count");
        is(sum(@count), 60, "$workers: for the others");
    }
    return;
}

sub diverts {
    my ($w, $workers) = @_;
    is(ask($w, '/divert'), 'a', "$workers: no condition holds");
    is(ask($w, '/divert?second'), 'b', "$workers: one holds");
    is(ask($w, '/divert?second', 'X-Third' => 1), 'c', "$workers: and there another");
    is(ask($w, '/divert?second&third'), 'b', "$workers: the first that holds");
    is(ask($w, '/divert?third'), 'c', "$workers: the last");
    is(ask($w, '/divert?down'), 'a', "$workers: not to where nobody is up");
    is(ask($w, '/divert?down&third'), 'c', "$workers: but to the next");
    if ($workers == 1) {
        my @open = hang($w, '/divert/hang?third', 4, 0);
        is(ask($w, '/divert?third'), 'a', "$workers: not to where nobody has room");
        $_->reset for @open;
        ok(Weir::wait_for(sub { ask($w, '/divert?third') eq 'c' }), "$workers: until there is");
    }
    return;
}

# A server that refuses: its keys go to their next server, all the same one each time.
sub refused {
    my ($w, $workers, $up) = @_;
    my $before = places($w, 'uri', @keys);
    $up->{c}->stop;
    my $now = places($w, 'uri', @keys);
    is(places($w, 'uri', @keys), $now, "$workers: the keys of a server that refuses have a next server");
    unlike($now, qr/[^abd]/, "$workers: and are answered");
    for my $i (grep { substr($before, $_, 1) ne 'c' } 0 .. $#keys) {
        is(substr($now, $i, 1), substr($before, $i, 1), "$workers: key $i did not move");
    }
    for my $method (qw(round-robin static least-conn least-time least-pending random first source)) {
        my @answers = map { ask($w, "/$method") } 1 .. 12;
        is(scalar(grep { /\A[abd]\z/ } @answers), 12, "$workers: $method does without it");
    }
    $w->allow(qr/refused/);
    return;
}

for my $workers (1, 4) {
    my $w  = Weir->new(ports => ['http', @names], conf => conf($workers));
    my %up = start_servers($w);
    $w->start;
    in_turn($w, $workers);
    by_load($w, $workers);
    diverts($w, $workers);
    keys_stay($w, $workers);
    refused($w, $workers, \%up);
    my $r = $w->run('explain', '-c', '{{dir}}/weir.conf', '--json', '-H', 'X-User: key-3',
        'http://127.0.0.1:' . $w->port('http') . '/header/');
    is(decode_json($r->{out})->{server}, substr($first_instance{header}, 2, 1),
        "$workers: explain says the same");
    $w->stop_ok;
}
done_testing;
