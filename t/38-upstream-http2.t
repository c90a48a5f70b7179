#!/usr/bin/env perl

# HTTP/2 towards servers, good ones and bad ones: what the client gets, how many connections it
# takes, and that one stream's harm is not another's.

use strict;
use warnings;
use FindBin qw($Bin);
use Fcntl qw(:flock O_APPEND O_CREAT O_WRONLY);
use lib "$Bin/lib";
use Test::More;
use Time::HiRes qw(time);
use Weir;
use Weir::Fake;
use Weir::Tls;
use Weir::H2Peer qw(DATA HEADERS RST_STREAM PUSH_PROMISE PING GOAWAY END_STREAM END_HEADERS);

my $w = Weir->new(ports => [qw(http none spoken up two stall mute plain tight other)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };

listeners = ( { address = "127.0.0.1:{{http}}"; } );
defaults = { access_log = { path = "{{dir}}/access.log"; format = "$path $status $upstream_status $grpc_status"; }; request_body = { max_size = "64m"; }; };
upstreams = (
  { name = "up"; protocol = "h2"; servers = ( { address = "127.0.0.1:{{up}}"; } ); },
  { name = "pair"; protocol = "h2"; servers = ( { address = "127.0.0.1:{{up}}"; }, { address = "127.0.0.1:{{other}}"; } ); },
  { name = "two"; servers = ( { address = "127.0.0.1:{{two}}"; protocol = "h2"; } ); },
  { name = "stall"; protocol = "h2"; servers = ( { address = "127.0.0.1:{{stall}}"; } ); },
  { name = "none"; protocol = "h2"; servers = ( { address = "127.0.0.1:{{none}}"; } ); },
  { name = "spoken"; servers = ( { address = "127.0.0.1:{{spoken}}"; } ); },
  { name = "mute"; protocol = "h2"; servers = ( { address = "127.0.0.1:{{mute}}"; } ); },
  { name = "tight"; protocol = "h2"; keepalive = { idle = 0; }; servers = ( { address = "127.0.0.1:{{tight}}"; } ); }
);
sites = ( { name = "all"; routes = (
  { prefix = "/two/"; proxy = "two"; },
  { prefix = "/none/"; proxy = "none"; },
  { prefix = "/spoken/"; proxy = "spoken"; },
  { prefix = "/pair/"; proxy = "pair"; },
  { prefix = "/stall/"; proxy = "stall"; timeouts = { send = "500ms"; }; },
  { prefix = "/mute/"; proxy = "mute"; timeouts = { connect = "500ms"; read = "5s"; }; },
  { prefix = "/plain/"; proxy = "h2://127.0.0.1:{{plain}}"; },
  { prefix = "/tight/"; proxy = "tight"; },
  { prefix = "/slow/"; proxy = "up"; timeouts = { read = "300ms"; }; },
  { prefix = "/"; proxy = "up"; } ); } );
CONF

sub note_line {
    my (@words) = @_;
    sysopen my $out, $w->dir . '/seen', O_APPEND | O_CREAT | O_WRONLY or die "seen: $!";
    syswrite $out, "@words\n";
    close $out;
    return;
}

sub seen {
    my ($pattern) = @_;
    open my $in, '<', $w->dir . '/seen' or return;
    my @lines = grep { /$pattern/ } <$in>;
    return @lines;
}

# The first of those who come here with the same name.
sub is_first {
    my ($name) = @_;
    return !-e $w->dir . "/$name" && mkdir $w->dir . "/$name";
}

sub ok_with {
    my ($h, $s, $body) = @_;
    $h->headers($s, [':status' => 200, 'content-length' => length $body]);
    $h->data($s, $body, 1);
    return;
}

# Sends as the windows allow, and says how far it got when the other side stops.
sub send_body {
    my ($h, $s, $left) = @_;
    my %room = (0 => 65535, $s => $h->{initial});
    $room{0} += $h->{opened};
    while ($left > 0) {
        my ($n) = sort { $a <=> $b } $left, 16384, $room{0}, $room{$s};
        if ($n > 0) {
            $h->data($s, 'x' x $n, $left == $n) or return;
            $_ -= $n for $left, $room{0}, $room{$s};
            next;
        }
        note_line('blocked', $left);
        my $f = $h->next or return;
        return if $f->{type} == RST_STREAM;
        $room{$f->{stream}} += unpack 'N', $f->{payload} if $f->{type} == 8;
    }
    note_line('all sent');
    return;
}

sub frame {
    my ($type, $flags, $stream, $payload) = @_;
    return substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $stream) . $payload;
}

# One frame again and again, until nobody takes it, but 400,000 times at most.
sub flood {
    my ($h, $bytes) = @_;
    local $SIG{PIPE} = 'IGNORE';
    my $n = 0;
    $n += 100 while $n < 400_000 && $h->raw($bytes x 100);
    note_line('flooded', $n);
    $h->{over} = 1;
    return;
}

my @cl = ('content-length' => 2);
my %answer = (
    'hello' => sub { my ($h, $s) = @_; ok_with($h, $s, 'hello') },
    'trailers' => sub {
        my ($h, $s) = @_;
        $h->headers($s, [':status' => 200]);
        $h->data($s, 'body');
        $h->headers($s, ['x-sum' => 'abc', 'connection-like' => '1'], 1);
    },
    'interim' => sub {
        my ($h, $s) = @_;
        $h->headers($s, [':status' => 103, link => '</a.css>; rel=preload']);
        ok_with($h, $s, 'final');
    },
    'interims' => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 103]) for 1 .. 20; ok_with($h, $s, 'x') },
    'empty'    => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 204], 1) },
    'unsized'  => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200]); $h->data($s, $_) for 'a', 'b'; $h->data($s, '', 1) },
    'refuse'   => sub { my ($h, $s) = @_; $h->reset_stream($s, 7) },
    'refuse-once' => sub { my ($h, $s, $r) = @_; is_first('refuse') ? $h->reset_stream($s, 7) : ok_with($h, $s, "again $r->{body}") },
    'goaway-once' => sub {
        my ($h, $s, $r) = @_;
        return ok_with($h, $s, "again $r->{body}") if !is_first('goaway');
        $h->goaway($s - 2);
        $h->{over} = 1;
    },
    'goaway-after' => sub { my ($h, $s) = @_; $h->goaway($s); ok_with($h, $s, 'last') },
    'reset'      => sub { my ($h, $s) = @_; $h->reset_stream($s, 2) },
    'reset-body' => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200, 'content-length' => 10]); $h->data($s, 'hello'); $h->reset_stream($s, 8) },
    'close'      => sub { my ($h) = @_; $h->{over} = 1 },
    'close-body' => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200, 'content-length' => 10]); $h->data($s, 'hello'); $h->{over} = 1 },
    'short'      => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200, 'content-length' => 10]); $h->data($s, 'hello', 1) },
    'long'       => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200, @cl]); $h->data($s, 'hello', 1) },
    'lengths'    => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200, @cl, 'content-length' => 3]); $h->data($s, 'he', 1) },
    'huge'       => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200, x => 'x' x 70_000, @cl]); $h->data($s, 'he', 1) },
    'fields'     => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200, (map { ("f$_" => $_) } 1 .. 200), @cl]); $h->data($s, 'he', 1) },
    'upper'      => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200, 'X-Upper' => 1, @cl]); $h->data($s, 'he', 1) },
    'lf'         => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200, 'x' => "a\nb: c", @cl]); $h->data($s, 'he', 1) },
    'connection' => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200, 'connection' => 'close', @cl]); $h->data($s, 'he', 1) },
    'status'     => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 1000, @cl]); $h->data($s, 'he', 1) },
    'no-status'  => sub { my ($h, $s) = @_; $h->headers($s, [@cl]); $h->data($s, 'he', 1) },
    'switch'     => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 101]); },
    'pseudo'     => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200, ':path' => '/x', @cl]); $h->data($s, 'he', 1) },
    'data-first' => sub { my ($h, $s) = @_; $h->data($s, 'he', 1) },
    'stray'      => sub { my ($h) = @_; $h->data(0, 'he') },
    'push'       => sub { my ($h, $s) = @_; $h->frame(PUSH_PROMISE, END_HEADERS, $s, pack('N', 2) . Weir::Hpack::encode(':method' => 'GET')) },
    'garbage'    => sub { my ($h) = @_; $h->raw("HTTP/1.1 400 Bad Request\r\n\r\n" x 3) },
    'ping'       => sub { my ($h, $s) = @_; $h->frame(PING, 0, 0, 'abcdefgh'); $h->{after_ping} = sub { ok_with($h, $s, 'pong') } },
    'big'        => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200, 'content-length' => 40_000_000]); send_body($h, $s, 40_000_000) },
    'wait'       => sub { my ($h, $s) = @_; push @{$h->{waiting}}, $s },
    'go'         => sub { my ($h, $s) = @_; ok_with($h, $_, 'waited') for @{delete $h->{waiting} // []}; ok_with($h, $s, 'go') },
    'hang'       => sub { },
    'window-far' => sub { my ($h, $s) = @_; $h->window($s, 2**31 - 1); ok_with($h, $s, 'x') },
    'window-all' => sub { my ($h) = @_; $h->window(0, 2**31 - 1) },
    'window-0'   => sub { my ($h, $s) = @_; $h->window($s, 0) },
    'even'       => sub { my ($h) = @_; $h->headers(2, [':status' => 200, @cl]) },
    'idle'       => sub { my ($h, $s) = @_; $h->headers($s + 100, [':status' => 200, @cl]) },
    'idle-reset' => sub { my ($h, $s) = @_; $h->reset_stream($s + 100, 8) },
    'too-long'   => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200]); $h->data($s, 'x' x 16_385) },
    'beyond'     => sub { my ($h, $s) = @_; $h->headers($s, [':status' => 200]); flood($h, frame(DATA, 0, $s, 'x' x 16_384)) },
    'bomb'       => sub {
        my ($h, $s) = @_;
        my $bomb = "\x40" . Weir::Hpack::integer(0, 7, 3) . 'x-b' . Weir::Hpack::integer(0, 7, 3900) . 'b' x 3900;
        $h->frame(HEADERS, END_HEADERS | END_STREAM, $s, Weir::Hpack::encode(':status' => 200) . $bomb . "\xbe" x 12_000);
    },
    'bomb-trailers' => sub {
        my ($h, $s) = @_;
        my $bomb = "\x40" . Weir::Hpack::integer(0, 7, 3) . 'x-b' . Weir::Hpack::integer(0, 7, 3900) . 'b' x 3900;
        $h->headers($s, [':status' => 200, 'content-length' => 3]);
        $h->data($s, 'x');
        $h->frame(HEADERS, END_HEADERS | END_STREAM, $s, $bomb . "\xbe" x 12_000);
    },
    'flood-ping'     => sub { flood($_[0], frame(PING, 0, 0, 'abcdefgh')) },
    'flood-pong'     => sub { flood($_[0], frame(PING, 1, 0, 'abcdefgh')) },
    'flood-settings' => sub { flood($_[0], frame(4, 0, 0, pack 'nN', 4, 65_535)) },
    'flood-entries'  => sub { flood($_[0], frame(4, 0, 0, pack('nN', 4, 65_535) x 1000)) },
    'flood-window'   => sub { flood($_[0], frame(8, 0, 0, pack 'N', 1)) },
    'flood-priority' => sub { flood($_[0], frame(2, 0, $_[1], pack 'NC', 0, 1)) },
    'flood-unknown'  => sub { flood($_[0], frame(0xbe, 0, 0, 'x')) },
    'flood-goaway'   => sub { flood($_[0], frame(GOAWAY, 0, 0, pack 'NN', 2**31 - 1, 0)) },
    'flood-interim'  => sub { flood($_[0], frame(HEADERS, END_HEADERS, $_[1], Weir::Hpack::encode(':status' => 103))) },
    'flood-more'     => sub { $_[0]->frame(HEADERS, 0, $_[1], Weir::Hpack::encode(':status' => 200)); flood($_[0], frame(9, 0, $_[1], '')) },
    'flood-empty'    => sub { $_[0]->headers($_[1], [':status' => 200, @cl]); flood($_[0], frame(DATA, 0, $_[1], '')) },
    'flood-padding'  => sub { $_[0]->headers($_[1], [':status' => 200, @cl]); flood($_[0], frame(DATA, 8, $_[1], "\2\0\0")) },
    'flood-over'     => sub { $_[0]->reset_stream($_[1], 8); flood($_[0], frame(RST_STREAM, 0, $_[1], pack 'N', 8)) },
    'flood-heads'    => sub { ok_with(@_[0, 1], 'over'); flood($_[0], frame(HEADERS, END_HEADERS, $_[1], Weir::Hpack::encode(':status' => 200))) },
    'drown'          => sub { $_[0]->{drowns} = $_[1] },
    'echo' => sub {
        my ($h, $s, $r) = @_;
        my $f = $r->{fields};
        ok_with($h, $s, join "\n", (map { "$_=" . ($f->{$_} // '-') } ':method', ':scheme', ':authority', ':path', 'te', 'content-length',
            'x-mixed', 'connection', 'host', 'cookie'), 'body=' . length $r->{body});
    },
);

sub serve {
    my ($name, %o) = @_;
    return sub {
        my ($sock, $index) = @_;
        my $h = Weir::H2Peer->server($sock, %o) or return;
        my %open;
        ($h->{initial}, $h->{opened}, $h->{stalls}) = (131_072, 0, $o{stalls});
        note_line("$name connection $index");
        while (my $f = $h->next) {
            my $s = $f->{stream};
            if ($f->{type} == HEADERS) {
                $open{$s} = {fields => $f->{fields}, body => ''};
                note_line("$name request $index", $f->{fields}{':path'}, scalar keys %open);
            } elsif ($f->{type} == DATA) {
                $open{$s}{body} .= $f->{payload};
            } elsif ($f->{type} == PING) {
                (delete $h->{after_ping})->() if $h->{after_ping};
            } elsif ($f->{type} == 8 && $s == 0) {
                $h->{opened} += unpack 'N', $f->{payload};
            } elsif ($f->{type} == RST_STREAM) {
                note_line("$name reset", unpack 'N', $f->{payload});
                delete $open{$s};
                flood($h, frame(DATA, 0, $s, 'x' x 1000)) if $s == ($h->{drowns} // 0);
                last if $h->{over};
            } elsif ($f->{type} == GOAWAY) {
                note_line("$name goaway", unpack 'x4N', $f->{payload});
            }
            next if !$f->{end} || !$open{$s};
            my ($what) = $open{$s}{fields}{':path'} =~ m{([^/]+)\z};
            ($answer{$what} // $answer{echo})->($h, $s, $open{$s});
            delete $open{$s} if $what ne 'wait' && $what ne 'hang';
            last if $h->{over};
        }
        note_line("$name end $index");
        return;
    };
}

my @servers = (
    Weir::Fake->start(port => $w->port('up'),    serve => serve('up')),
    Weir::Fake->start(port => $w->port('other'), serve => serve('other')),
    Weir::Fake->start(port => $w->port('two'),   serve => serve('two', settings => {3 => 2})),
    Weir::Fake->start(port => $w->port('none'),  serve => serve('none', settings => {3 => 0})),
    Weir::Fake->start(port => $w->port('spoken'), serve => sub {
        my ($sock) = @_;
        sysread $sock, my $buf, 65536;
        syswrite $sock, frame(4, 0, 0, pack 'nN', 3, 100);
        sysread $sock, $buf, 65536;
    }),
    Weir::Fake->start(port => $w->port('stall'), serve => serve('stall', settings => {4 => 10}, stalls => 1)),
    Weir::Fake->start(port => $w->port('tight'), serve => serve('tight')),
    Weir::Fake->start(port => $w->port('mute'),  serve => sub { my ($sock) = @_; 1 while sysread $sock, my $buf, 65536 }),
    Weir::Fake->start(port => $w->port('plain'), serve => sub {
        my ($sock) = @_;
        sysread $sock, my $buf, 65536;
        syswrite $sock, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
    }),
);

$w->start;
$w->allow(qr/-> 5\d\d|upstream|client/);

sub answer_of {
    my ($path, @more) = @_;
    my $c = $w->client('http');
    $c->send("GET $path HTTP/1.1\r\nHost: a\r\n" . join('', map { "$_\r\n" } @more) . "\r\n");
    my $r = $c->read_response;
    $c->close;
    return $r;
}

sub post {
    my ($path, $body) = @_;
    my $c = $w->client('http');
    $c->send("POST $path HTTP/1.1\r\nHost: a\r\nContent-Length: " . length($body) . "\r\n\r\n$body");
    my $r = $c->read_response;
    $c->close;
    return $r;
}

subtest 'a request and its answer' => sub {
    my $r = answer_of('/echo', 'X-Mixed: Case', 'TE: trailers', 'Connection: TE', 'Cookie: a=b');
    is "$r->{status} $r->{reason}", '200 OK', 'answered';
    is_deeply [split /\n/, $r->{body}],
        [':method=GET', ':scheme=http', ':authority=a', ':path=/echo', 'te=trailers', 'content-length=-', 'x-mixed=Case',
        'connection=-', 'host=-', 'cookie=a=b', 'body=0'], 'as HTTP/2 wants it';
    like answer_of('/echo')->{body}, qr/^te=-$/m, 'no trailers are asked for where the client does not';
    like post('/echo', 'x' x 300_000)->{body}, qr/^content-length=300000\n.*^body=300000/ms, 'a body larger than any window';
    my $c = $w->client('http');
    $c->send("POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n");
    $c->send("6\r\n world\r\n0\r\n\r\n");
    like $c->read_response->{body}, qr/^body=11/m, 'a body of unknown length';
    is answer_of('/empty')->{status}, 204, 'no body';
    is answer_of('/unsized')->{body}, 'ab', 'an answer without a length';
    is scalar(seen(qr/^up connection/)), 1, 'all that on one connection';
};

subtest 'a server that takes no requests' => sub {
    answer_of("/none/echo");    # before its SETTINGS are here
    is answer_of("/none/echo")->{status}, 502, "it is not asked any more ($_)" for 1 .. 3;
    is scalar(seen(qr/^none connection/)), 1, 'and not by a connection for each';
    is scalar(grep { /server \S+: takes no requests for now/ } $w->log_lines), 1, 'which is told';
};

subtest 'HTTP/2 where HTTP/1 is expected' => sub {
    is answer_of('/spoken/')->{status}, 502, 'fails';
    ok $w->wait_log(qr/the server speaks HTTP\/2; write protocol = "h2"/), 'and is called by its name';
};

subtest 'interim responses and trailers' => sub {
    my $c = $w->client('http');
    $c->send("GET /interim HTTP/1.1\r\nHost: a\r\n\r\n");
    my $final = $c->read_response;
    is $final->{interim}[0]{status}, 103, 'an interim one is passed on';
    is $final->{body}, 'final', 'and the final one';
    is answer_of('/interims')->{status}, 502, 'more than enough of them are not';
    $c = $w->client('http');
    $c->send("GET /trailers HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n");
    like $c->read_response->{raw}, qr/\r\nbody\r\n0\r\nx-sum: abc\r\nconnection-like: 1\r\n\r\n\z/, 'trailers for who wants them';
    my $r = answer_of('/trailers');
    is $r->{body}, 'body', 'and for the others the body alone';
    is_deeply $r->{trailers} // [], [], 'without them';
};

subtest 'the server lets a request go unseen' => sub {
    is post('/refuse-once', 'abc')->{body}, 'again abc', 'REFUSED_STREAM: a POST is sent again';
    is post('/goaway-once', 'abc')->{body}, 'again abc', 'GOAWAY: likewise, on a new connection';
    my $r = post('/refuse', 'abc');
    is $r->{status}, 502, 'not for ever';
    is post('/goaway-after', '')->{body}, 'last', 'a stream that GOAWAY names is answered';
    is answer_of('/hello')->{body}, 'hello', 'and the next one goes elsewhere';
};

my %status = (
    'reset'      => 502, 'close'  => 502, 'short' => undef, 'long' => undef, 'lengths' => 502, 'huge' => 502, 'fields' => 502,
    'upper'      => 502, 'lf'     => 502, 'connection' => 502, 'status' => 502, 'no-status' => 502, 'switch' => 502, 'pseudo' => 502,
    'data-first' => 502, 'stray'  => 502, 'push'  => 502,   'garbage' => 502,
    'reset-body' => undef, 'close-body' => undef,
);
subtest 'answers that are none' => sub {
    for my $what (sort keys %status) {
        my $bad = answer_of("/$what");
        is $bad->{status} // 'none', $status{$what}, $what if $status{$what};
        isnt $bad->{error} // 'none', 'none', "$what: the client sees that something is missing" if !$status{$what};
        is answer_of('/hello')->{body}, 'hello', "and the next request is well after $what";
    }
    is answer_of('/plain/x')->{status}, 502, 'a server of HTTP/1';
    is answer_of('/mute/x')->{status}, 502, 'a server that says nothing';
    is answer_of('/slow/hang')->{status}, 504, 'a stream without an answer';
    is answer_of('/ping')->{body}, 'pong', 'PING is answered';
};

# What ends a connection, and what a stream alone.
my %breaks = map { $_ => 1 } qw(window-all even idle idle-reset too-long);
subtest 'servers that break the rules of frames' => sub {
    for my $what (sort(keys %breaks, qw(window-far window-0 bomb bomb-trailers))) {
        my $ends = seen(qr/^up end/);
        my $bad = answer_of("/$what");
        if ($what =~ /too-long|trailers/) {
            isnt $bad->{error} // 'none', 'none', "$what: the client sees that something is missing";
        } else {
            is $bad->{status} // 'none', 502, $what;
        }
        ok Weir::wait_for(sub { seen(qr/^up end/) > $ends }), "$what: the connection is closed" if $breaks{$what};
        is answer_of('/hello')->{body}, 'hello', "and the next request is well after $what";
    }
};

subtest 'servers that flood' => sub {
    for my $what (sort grep { /^flood-/ } keys %answer) {
        my ($ends, $floods) = map { scalar(() = seen($_)) } qr/^up end/, qr/^flooded/;
        my $bad = answer_of("/$what");
        if ($what =~ /empty|padding/) {
            isnt $bad->{error} // 'none', 'none', "$what: the client sees that something is missing";
        } elsif ($what eq 'flood-heads') {
            is $bad->{body}, 'over', "$what: what was answered is";
        } else {
            is $bad->{status} // 'none', 502, $what;
        }
        ok Weir::wait_for(sub { seen(qr/^up end/) > $ends && seen(qr/^flooded/) > $floods }), "$what: the connection is closed";
        my ($n) = (seen(qr/^flooded/))[-1] =~ /(\d+)/;
        cmp_ok $n, '<', 400_000, "$what: the flood is not taken";
        is answer_of('/hello')->{body}, 'hello', "and the next request is well after $what";
    }
    for my $what ('drown', 'beyond') {
        my $c = $w->client('http');
        my $floods = seen(qr/^flooded/);
        $c->send("GET /$what HTTP/1.1\r\nHost: a\r\n\r\n");
        ok Weir::wait_for(sub { seen(qr{^up request .*/$what}) }), "$what: a request is at work";
        $c->close if $what eq 'drown';    # the other does not read
        ok Weir::wait_for(sub { seen(qr/^flooded/) > $floods }), "$what: a body that windows do not allow: the connection is closed";
        my ($n) = (seen(qr/^flooded/))[-1] =~ /(\d+)/;
        cmp_ok $n, '<', 40_000, 'and not all of it taken';
        is answer_of('/hello')->{body}, 'hello', 'the next request is well';
        $c->close;
    }
    like join("\n", $w->log_lines), qr{upstream up server 127\.0\.0\.1:\d+: the HTTP/2 connection ends: upstream sends too many frames without content}, 'the log tells why';
    is answer_of('/pair/flood-ping')->{status}, 502, 'of two servers that flood neither answers';
};

subtest 'streams share a connection, up to the limit' => sub {
    is answer_of('/two/hello')->{body}, 'hello', 'the server has told its limit';
    my @waiting = map { $w->client('http') } 1 .. 4;
    for my $c (@waiting) {
        $c->send("GET /two/wait HTTP/1.1\r\nHost: a\r\n\r\n");
    }
    ok Weir::wait_for(sub { seen(qr{^two request .*/two/wait}) == 4 }), 'four wait at once';
    my @open = map { /(\d+)$/ } seen(qr{^two request .*/two/wait});
    ok !(grep { $_ > 2 } @open), 'never more than two on a connection';
    is scalar(seen(qr/^two connection/)), 2, 'on two connections' or diag seen(qr/^two/);
    $_->close for @waiting;
    ok Weir::wait_for(sub { seen(qr/^two reset 8/) == 4 }), 'clients that leave cancel their streams, and theirs alone';
};

subtest 'flow control' => sub {
    my $c = $w->client('http');
    $c->send("GET /big HTTP/1.1\r\nHost: a\r\n\r\n");
    ok Weir::wait_for(sub { seen(qr/^blocked/) }), 'a client that does not read holds the server up';
    select undef, undef, undef, 0.3;
    my ($left) = (seen(qr/^blocked/))[-1] =~ /(\d+)/;
    cmp_ok $left, '>', 20_000_000, 'so that little is under way';
    is length($c->read_response->{body}), 40_000_000, 'and when it reads, all comes';
    $c->close;
    my $t = time;
    is post('/stall/echo', 'x' x 200_000)->{status}, 504, 'a window that never opens ends by timeouts.send';
    cmp_ok time - $t, '<', 5, 'soon';
};

subtest 'connections that are not kept' => sub {
    is answer_of('/tight/hello')->{body}, 'hello', 'answered';
    ok Weir::wait_for(sub { seen(qr/^tight goaway 0/) }), 'and said goodbye to: keepalive.idle is 0';
    ok Weir::wait_for(sub { seen(qr/^tight end/) }), 'then closed';
};

subtest 'what weir says of it' => sub {
    my $e = $w->run('explain', '-c', '{{dir}}/weir.conf', 'http://a/echo');
    like $e->{out}, qr/^servers .* weight 1, HTTP\/2$/m, 'explain';
    like $w->run('explain', '-c', '{{dir}}/weir.conf', '--json', 'http://a/two/x')->{out}, qr/"protocol":\s*"h2"/, 'and as JSON';
    like $w->run('-T', '-c', '{{dir}}/weir.conf')->{out}, qr/protocol = "h2"/, '-T';
    my %bad = (
        'upstreams = ( { name = "u"; protocol = "h3"; servers = [ "127.0.0.1:1" ]; } );' => qr/:2: .*"http1" or "h2"/,
        'upstreams = ( { name = "u"; protocol = "h2"; proxy_protocol = 1; servers = [ "127.0.0.1:1" ]; } );' => qr/:2: .*proxy_protocol = false/,
        'sites = ( { name = "s"; routes = ( { prefix = "/"; proxy = "grpcs://a:1"; } ); } );' => qr/:2: .*tls = true/,
        'sites = ( { name = "s"; routes = ( { prefix = "/"; proxy = "h2://127.0.0.1:1/x"; } ); } );' => qr/:2: .*"h2:\/\/HOST:PORT"/,
    );
    for my $text (sort keys %bad) {
        $w->write('bad.conf', "listeners = [ \"127.0.0.1:1\" ];\n$text\n");
        my $t = $w->run('-t', '-c', '{{dir}}/bad.conf');
        isnt $t->{exit}, 0, 'refused';
        like "$t->{out}$t->{err}", $bad{$text}, 'with what would be right';
    }
};

my $log = $w->read('access.log');
like $log, qr{^/echo 200 200 -$}m, 'the log has what it has of HTTP/1';
$w->stop_ok;

# Weir itself is the server then.
sub over_tls {
    my $t = Weir->new(ports => [qw(http agreed refused)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( { address = "127.0.0.1:{{http}}"; },
  { address = "127.0.0.1:{{agreed}}"; tls = { certificates = ( { cert = "a.pem"; key = "a.key"; } ); }; },
  { address = "127.0.0.1:{{refused}}"; http2 = false; tls = { certificates = ( { cert = "a.pem"; key = "a.key"; } ); }; } );
upstreams = (
  { name = "agreed"; protocol = "h2"; tls = { ca = "a.pem"; sni = "localhost"; }; servers = [ "127.0.0.1:{{agreed}}" ]; },
  { name = "refused"; protocol = "h2"; tls = { ca = "a.pem"; sni = "localhost"; }; servers = [ "127.0.0.1:{{refused}}" ]; },
  { name = "unknown"; protocol = "h2"; tls = { ca = "a.pem"; sni = "elsewhere"; }; servers = [ "127.0.0.1:{{agreed}}" ]; } );
sites = ( { name = "front"; hosts = [ "front" ]; routes = (
  { prefix = "/refused"; proxy = "refused"; proxy_headers = { host = "localhost"; }; },
  { prefix = "/unknown"; proxy = "unknown"; proxy_headers = { host = "localhost"; }; },
  { prefix = "/"; proxy = "agreed"; proxy_headers = { host = "localhost"; }; } ); },
  { name = "back"; hosts = [ "localhost" ]; routes = (
  { exact = "/big"; root = "."; },
  { prefix = "/"; respond = { status = 200; body = "$protocol"; }; } ); } );
CONF
    Weir::Tls->certificate($t->dir, 'a', hosts => ['localhost', 'front']);
    my $big = join ',', 1 .. 400_000;
    $t->write('big', $big);
    $t->start;
    $t->allow(qr/upstream/);
    is $t->get('http', '/x', headers => [Host => 'front'])->{body}, 'HTTP/2.0', 'agreed on by ALPN';
    ok $t->get('http', '/big', headers => [Host => 'front'])->{body} eq $big, 'a large answer';
    my $r = $t->get('http', '/refused', headers => [Host => 'front']);
    is $r->{status}, 502, 'a server that does not choose it';
    like join("\n", $t->log_lines), qr{GET /refused.*(?:no protocol in common|did not choose HTTP/2)}, 'is told of in the log';
    is $t->get('http', '/unknown', headers => [Host => 'front'])->{status}, 502, 'nor one with another certificate';
    like join("\n", $t->log_lines), qr/certificate/, 'of which the log tells too';
    $t->stop_ok;
    return;
}
subtest 'over TLS' => \&over_tls;
done_testing;
