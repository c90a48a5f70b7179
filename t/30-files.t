#!/usr/bin/env perl

# Static files as clients see them: which file a path means, what is never served,
# validators, ranges, precompressed siblings, listings; and files that change or
# shrink while Weir holds or sends them.

use strict;
use warnings;
use Digest::MD5 qw(md5_hex);
use FindBin qw($Bin);
use lib "$Bin/lib";
use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time utime);
use Weir;

my $w = Weir->new(ports => [qw(http up)], conf => <<'CONF');
workers = 1;
error_log = { path = "{{dir}}/error.log"; level = "info"; };
listeners = ( "127.0.0.1:{{http}}" );
upstreams = ( { name = "up"; servers = ( { address = "127.0.0.1:{{up}}"; } ); } );
sites = ( { name = "all"; routes = (
  { prefix = "/list"; root = "{{dir}}/www"; listing = true; },
  { prefix = "/img"; alias = "{{dir}}/www/pictures"; },
  { prefix = "/links"; root = "{{dir}}/www"; symlinks = true; listing = true; },
  { prefix = "/dots"; root = "{{dir}}/www"; dotfiles = true; },
  { prefix = "/aged"; root = "{{dir}}/www"; expires = "1h"; types = { page = "text/html"; }; default_type = "text/x-none"; },
  { prefix = "/now"; root = "{{dir}}/www"; expires = "0"; },
  { prefix = "/app"; root = "{{dir}}/www"; try = ( "$path", "@app" ); },
  { prefix = "/spa"; root = "{{dir}}/www"; try = ( "$path.html", "/front.html" ); },
  { prefix = "/pick"; root = "{{dir}}/www"; dotfiles = true; try = ( "/pub/$arg_f", 410 ); },
  { prefix = "/to"; redirect = { to = "/$arg_next"; status = 303; }; },
  { exact = "/moved"; redirect = { to = "https://other.example/x?y=$query"; status = 308; }; },
  { exact = "/gone"; respond = { status = 410; body = "gone\n"; }; },
  { exact = "/empty"; respond = 204; },
  { name = "app"; internal = true; prefix = "/app"; proxy = "up"; },
  { prefix = "/"; root = "{{dir}}/www"; } ); } );
CONF
my $up = $w->upstream('up', {'*' => 'echo'});

my $dir = $w->dir;
my $old = time - 1000;
sub put {
    my ($name, $text, $mtime) = @_;
    my $path = "www/$name";
    my @parts = split m{/}, $path;
    for my $i (0 .. $#parts - 1) {
        mkdir "$dir/" . join '/', @parts[0 .. $i];
    }
    my $full = $w->write($path, $text);
    utime $mtime // $old, $mtime // $old, $full;
    return $full;
}

my $big = join '', map { sprintf "%07d\n", $_ } 0 .. 262_143;    # 2 MB, each place tells where it is
put('index.html',             "<p>home\n");
put('a.txt',                  '0123456789');
put('empty.txt',              '');
put('big.bin',                $big);
put('sub/index.html',         'sub index');
put('sub/deep/x.txt',         'x');
put('pictures/p.png',         'png');
put('with space & <b>.txt',   'odd');
put('.secret',                'no');
put('.git/config',            'no');
put('.well-known/acme/token', 'token');
put('.well-known/.hidden',    'no');
put('dots/.env',              'env');
put('style.css',              'a{}' x 50);
put('style.css.br',           'BR');
put('style.css.gz',           'GZ');
put('stale.css',              'b{}', $old);
put('stale.css.gz',           'old', $old - 100);
put('aged/x.page',            'page');
put('aged/x.unknown',         'unknown');
put('now/x.txt',              'now');
put('front.html',             'front');
put('spa/one.html',           'one');
put('app/file.txt',           'file');
put('pub/ok.txt',             'ok');
put('private.txt',            'private');
put('list/b.txt',             'bb');
put('list/A dir/x',           'x');
put('list/.dot',              'no');
put("list/<i>&'\"%.txt",      'odd');
put('links/target.txt',       'target');
$w->write('outside.txt', 'outside');
symlink 'a.txt', "$dir/www/link.txt";
symlink 'sub',   "$dir/www/linkdir";
symlink 'target.txt',          "$dir/www/links/inside.txt";
symlink '../../outside.txt',   "$dir/www/links/outside.txt";
symlink "$dir/www/a.txt",      "$dir/www/links/absolute.txt";
symlink 'circle',              "$dir/www/links/circle";
POSIX::mkfifo("$dir/www/fifo",  0644);
POSIX::mkfifo("$dir/www/list/fifo", 0644);
chmod 0755, map { "$dir/www$_" } '', qw(/sub /list);

$w->start;

sub get { my ($target, %o) = @_; return $w->get('http', $target, %o) }
sub h   { return Weir::Client::header(@_) }

# Target => status, and body where it matters.
for my $row (
    ['/',                         200, "<p>home\n"],
    ['/index.html',               200, "<p>home\n"],
    ['/a.txt',                    200, '0123456789'],
    ['/empty.txt',                200, ''],
    ['/a.txt?x=1',                200, '0123456789'],
    ['/a.txt/',                   404],
    ['/a.txt/x',                  404],
    ['/sub/',                     200, 'sub index'],
    ['/sub/deep/',                404],
    ['/sub//deep/./../deep/x.txt', 200, 'x'],
    ['/none',                     404],
    ['/with%20space%20%26%20%3Cb%3E.txt', 200, 'odd'],
    ['/.secret',                  404],
    ['/%2Esecret',                404],
    ['/.git/config',              404],
    ['/.well-known/acme/token',   200, 'token'],
    ['/.well-known/.hidden',      404],
    ['/.well-knownx',             404],
    ['/dots/.env',                200, 'env'],
    ['/../outside.txt',           400],
    ['/%2e%2e/outside.txt',       400],
    ['/sub/..%2f..%2foutside.txt', 404],
    ['/..%5coutside.txt',         404],
    ['/a.txt%00.html',            400],
    ['/link.txt',                 404],
    ['/linkdir/index.html',       404],
    ['/links/inside.txt',         200, 'target'],
    ['/links/outside.txt',        404],
    ['/links/absolute.txt',       404],
    ['/fifo',                     404],
    ['/img/p.png',                200, 'png'],
    ['/imgx',                     404],
    ['/img/none',                 404],
    ['/spa/one',                  200, 'one'],
    ['/spa/other',                200, 'front'],
    ['/app/file.txt',             200, 'file'],
    ['/pick?f=ok.txt',            200, 'ok'],
    ['/pick?f=../private.txt',    410],
    ['/pick?f=',                  410],
    ['/gone',                     410, "gone\n"],
    ['/empty',                    204, ''],
    ['/' . 'x' x 300,             404],
    ['/' . 'y/' x 1500,           404],
  )
{
    my ($target, $status, $body) = @$row;
    my $r = get($target);
    my $name = length $target > 50 ? substr($target, 0, 50) . '...' : $target;
    is($r->{status}, $status, "$name: $status");
    is($r->{body}, $body, "$name: its content") if defined $body;
    is($r->{error}, undef, "$name: complete");
}

# Heads.
{
    my $r = get('/a.txt');
    is(h($r, 'Content-Type'),   'text/plain; charset=utf-8', 'type by extension');
    is(h($r, 'Content-Length'), 10,                          'length');
    is(h($r, 'Accept-Ranges'),  'bytes',                     'ranges are offered');
    like(h($r, 'ETag'), qr/^"[0-9a-f-]+"$/, 'a strong entity tag');
    like(h($r, 'Last-Modified'), qr/ GMT$/, 'a date');
    is(h($r, 'Vary'), undef, 'nothing varies');
    my $head = get('/a.txt', method => 'HEAD');
    is($head->{body}, '', 'HEAD has no body');
    is(h($head, $_), h($r, $_), "HEAD: the same $_")
        for qw(Content-Type Content-Length ETag Last-Modified Accept-Ranges);
    $head = get('/big.bin', method => 'HEAD');
    is(h($head, 'Content-Length'), length $big, 'HEAD of a large file');
    my $aged = get('/aged/x.page');
    is(h($aged, 'Cache-Control'), 'max-age=3600', 'expires');
    ok(h($aged, 'Expires'), 'as a date too');
    like(h($aged, 'Content-Type'), qr{^text/html}, 'a type of the configuration');
    like(h(get('/aged/x.unknown'), 'Content-Type'), qr{^text/x-none}, 'default_type');
    like(h(get('/now/x.txt'), 'Cache-Control'), qr/no-cache/, 'expires at once');
}

# Methods.
{
    my $r = get('/a.txt', method => 'POST', body => 'x' x 100);
    is($r->{status}, 405, 'a file is not posted to');
    is(h($r, 'Allow'), 'GET, HEAD', 'and says what it takes');
    is(get('/none', method => 'POST', body => 'x')->{status}, 404, 'what is not there is not there');
    $r = get('/app/new', method => 'POST', body => 'the body');
    is($r->{status}, 200, 'POST goes on to the named route');
    like($r->{body}, qr/the body$/, 'with its body');
    is(get('/app/file.txt', method => 'DELETE')->{status}, 405, 'but not past a file');
    like(get('/app/some/page')->{body}, qr{^GET /app/some/page }, 'GET of no file goes on too');
}

# Directories and redirections.
for my $row (
    ['/sub',         301, '/sub/'],
    ['/sub?a=b',     301, '/sub/?a=b'],
    ['/img',         301, '/img/'],
    ['/list/A%20dir', 301, '/list/A%20dir/'],
    ['/to?next=x',   303, '/x'],
    ['/to?next=/evil.example', 303, '/.//evil.example'],
    ['/moved?a=b',   308, 'https://other.example/x?y=a=b'],
  )
{
    my ($target, $status, $location) = @$row;
    my $r = get($target);
    is($r->{status}, $status, "$target: $status");
    is(h($r, 'Location'), $location, "$target: to $location");
}

# Conditions.
{
    my $r = get('/a.txt');
    my ($tag, $date) = (h($r, 'ETag'), h($r, 'Last-Modified'));
    for my $row (
        [['If-None-Match' => $tag],                     304],
        [['If-None-Match' => "W/$tag"],                 304],
        [['If-None-Match' => '"x"', 'If-None-Match' => $tag], 304],
        [['If-None-Match' => '"x"'],                    200],
        [['If-None-Match' => '*'],                      304],
        [['If-Modified-Since' => $date],                304],
        [['If-Modified-Since' => 'Sun, 06 Nov 1994 08:49:37 GMT'], 200],
        [['If-None-Match' => '"x"', 'If-Modified-Since' => $date], 200],
        [['If-Match' => $tag],                          200],
        [['If-Match' => '"x"'],                         412],
        [['If-Unmodified-Since' => 'Sun, 06 Nov 1994 08:49:37 GMT'], 412],
        [['Range' => 'bytes=2-4', 'If-Range' => $tag],  206],
        [['Range' => 'bytes=2-4', 'If-Range' => '"x"'], 200],
        [['Range' => 'bytes=2-4', 'If-Range' => $date], 206],
      )
    {
        my ($fields, $status) = @$row;
        my $got = get('/a.txt', headers => $fields);
        is($got->{status}, $status, "@$fields: $status");
        next if $status != 304;
        is($got->{body}, '', 'without a body');
        is(h($got, 'ETag'), $tag, 'with its tag');
    }
}

# Ranges, of a file in memory and of one that is not.
for my $row (['/a.txt', '0123456789'], ['/big.bin', $big]) {
    my ($target, $all) = @$row;
    my $n = length $all;
    for my $case (
        ['bytes=0-0', 0, 1], ['bytes=3-', 3, $n - 3], ['bytes=-4', $n - 4, 4],
        ['bytes=5-' . 10 * $n, 5, $n - 5], ['bytes=-' . 10 * $n, 0, $n],
      )
    {
        my ($range, $first, $length) = @$case;
        my $r = get($target, headers => [Range => $range]);
        is($r->{status}, 206, "$target $range");
        is(h($r, 'Content-Range'), sprintf('bytes %d-%d/%d', $first, $first + $length - 1, $n),
            'tells which');
        ok($r->{body} eq substr($all, $first, $length), 'and sends it');
    }
    my $r = get($target, headers => [Range => "bytes=$n-"]);
    is($r->{status}, 416, "$target: behind the end");
    is(h($r, 'Content-Range'), "bytes */$n", 'tells the size');
    ok(h($r, 'X-Request-Id'), 'and the id');
    for my $bad ('bytes=', 'bytes=a-b', 'lines=0-1', 'bytes=' . join ',', ('0-') x 30) {
        $r = get($target, headers => [Range => $bad]);
        is($r->{status}, 200, substr("$target $bad", 0, 40) . ': all of it');
        ok($r->{body} eq $all, 'as if it had not been asked for');
    }
    $r = get($target, headers => [Range => 'bytes=1-2,5-7,-1']);
    is($r->{status}, 206, "$target: several ranges");
    my ($b) = (h($r, 'Content-Type') // '') =~ m{^multipart/byteranges; boundary=(\w+)$};
    ok($b, 'as multipart') or next;
    my $parts = join '', map {
        sprintf "\r\n--%s\r\nContent-Type: %s\r\nContent-Range: bytes %d-%d/%d\r\n\r\n%s", $b,
            h(get($target, method => 'HEAD'), 'Content-Type'), @$_, $n, substr $all, $_->[0], $_->[1] - $_->[0] + 1
    } [1, 2], [5, 7], [$n - 1, $n - 1];
    is($r->{body}, "$parts\r\n--$b--\r\n", 'each with its head');
}

# Precompressed siblings.
for my $row (
    ['/style.css', undef,                    undef,  'a{}' x 50],
    ['/style.css', 'gzip',                   'gzip', 'GZ'],
    ['/style.css', 'gzip, br',               'br',   'BR'],
    ['/style.css', 'gzip;q=1, br;q=0.5',     'gzip', 'GZ'],
    ['/style.css', 'br;q=0, zstd',           undef,  'a{}' x 50],
    ['/stale.css', 'gzip',                   undef,  'b{}'],
  )
{
    my ($target, $accept, $coding, $body) = @$row;
    my $r = get($target, $accept ? (headers => ['Accept-Encoding' => $accept]) : ());
    my $name = "$target for " . ($accept // 'nothing');
    is(h($r, 'Content-Encoding'), $coding, "$name: coding");
    is($r->{body}, $body, "$name: content");
    is(h($r, 'Content-Type'), 'text/css; charset=utf-8', "$name: type");
    is(h($r, 'Vary'), $target eq '/style.css' ? 'Accept-Encoding' : undef, "$name: Vary");
}
isnt(h(get('/style.css'), 'ETag'), h(get('/style.css', headers => ['Accept-Encoding' => 'br']), 'ETag'),
    'a tag for each coding');

# A file that is there and is not served: the log names the setting, or what is wrong with the link.
for my $row (
    ['/link.txt',            '; symlinks is false'],
    ['/linkdir/index.html',  '; symlinks is false'],
    ['/linkdir/',            '; symlinks is false'],
    ['/links/outside.txt',   '; a symbolic link leads out of the root'],
    ['/links/absolute.txt',  '; a symbolic link leads out of the root'],
    ['/links/circle',        '; symbolic links lead in a circle'],
    ['/.secret',             '; dotfiles is false'],
    ['/.git/config',         '; dotfiles is false'],
    ['/no-such-file',        ''],
) {
    my ($path, $why) = @$row;
    my $end = '"GET ' . $path . '" -> 404: no step of `try` found a file' . $why
        . ' (request ' . (h(get($path), 'X-Request-Id') // 'none') . ')';
    ok($w->wait_log(qr{\Q$end\E}), "$path: the log says why it is not served");
}

# Listings.
{
    my $r = get('/list/');
    is($r->{status}, 200, 'a listing');
    like(h($r, 'Content-Type'), qr{^text/html}, 'is a page');
    my @links = $r->{body} =~ m{href="(\./[^"]*)"}g;
    is_deeply(\@links, ['./A%20dir/', "./%3Ci%3E&amp;'%22%25.txt", './b.txt'],
        'with directories first, in order, without dotfiles and FIFOs');
    unlike($r->{body}, qr/<i>/, 'and with names escaped');
    my $link = $links[1] =~ s/&amp;/&/r =~ s/^\.//r;
    is(get("/list$link")->{body}, 'odd', 'whose links work');
    is(get('/list/', method => 'HEAD')->{body}, '', 'HEAD of it');
    is(get('/list/', method => 'POST', body => '')->{status}, 405, 'POST to it');
    my @seen = get('/links/')->{body} =~ m{href="\./([^"]*)"}g;
    is_deeply(\@seen, [qw(inside.txt target.txt)], 'links are listed where they would be followed');
}

# A directory of more names than are listed, and clients that do not wait for it.
{
    mkdir "$dir/www/list/many";
    for my $i (1 .. 10_001) {
        open my $fh, '>', sprintf('%s/www/list/many/%05d', $dir, $i) or die "many: $!\n";
    }
    for my $i (1 .. 20) {
        my $c = $w->client('http');
        $c->send("GET /list/many/ HTTP/1.1\r\nHost: a\r\n\r\n");
        sleep 0.001 * $i;
        $c->close;
    }
    my $r = get('/list/many/');
    my @links = $r->{body} =~ m{href="\./([^"]*)"}g;
    is(scalar @links, 10_000, 'a large directory: as many names as are shown');
    is_deeply(\@links, [sort @links], 'in order');
    like($r->{body}, qr{<p>There are more names}, 'and it says that there are more');
    unlink "$dir/www/list/many/00001";
    $r = get('/list/many/');
    is(scalar(() = $r->{body} =~ m{href="\./}g), 10_000, 'without one: all of them');
    unlike($r->{body}, qr{There are more names}, 'and not a word of more');
    my $c = $w->client('http');
    $c->send("GET /list/many/ HTTP/1.1\r\nHost: a\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    my @r = $c->read_responses(2);
    is($r[1]{body}, '0123456789', 'and the next answer behind it');
}

# Errors as page and as JSON.
{
    my $r = get('/none');
    like(h($r, 'Content-Type'), qr{^text/html}, 'an error is a page');
    like($r->{body}, qr/404 Not Found/, 'that says so');
    like($r->{body}, qr/\Q@{[h($r, 'X-Request-Id')]}\E/, 'and has the id');
    is(h($r, 'Cache-Control'), 'no-store', 'which nobody keeps');
    is(h($r, 'Proxy-Status'), 'weir; error=http_request_error', 'and has its cause');
    $r = get('/none', headers => [Accept => 'application/json']);
    is(h($r, 'Content-Type'), 'application/json', 'or JSON');
    is($r->{body}, sprintf(qq({"status":404,"error":"Not Found","request_id":"%s"}\n), h($r, 'X-Request-Id')),
        'with the same');
    my $id = h($r, 'X-Request-Id');
    ok($w->wait_log(qr{client 127\.0\.0\.1\S* listener \S+ "GET /none" -> 404: .*\(request \Q$id\E\)}),
        'and a line in the log');
}

# A large file, whole and by a slow reader.
{
    my $r = get('/big.bin');
    is(md5_hex($r->{body}), md5_hex($big), 'a large file');
    my $c = $w->client('http');
    $c->send("GET /big.bin HTTP/1.1\r\nHost: a\r\n\r\nGET /a.txt HTTP/1.1\r\nHost: a\r\n\r\n");
    sleep 0.2;
    my @r = $c->read_responses(2);
    is(md5_hex($r[0]{body}), md5_hex($big), 'to a reader that pauses');
    is($r[1]{body}, '0123456789', 'and the next answer behind it');
}

# Changes are seen within about a second, also those that time and size do not show.
{
    my $path = put('change.txt', 'one', time);
    is(get('/change.txt')->{body}, 'one', 'a new file');
    my @stat = stat $path;
    put('change.txt', 'two', $stat[9]);
    ok(Weir::wait_for(sub { get('/change.txt')->{body} eq 'two' }), 'its change is seen');
    put('change.txt', 'longer than before');
    ok(Weir::wait_for(sub { get('/change.txt')->{body} eq 'longer than before' }), 'an older time is a change too');
    unlink $path;
    ok(Weir::wait_for(sub { get('/change.txt')->{status} == 404 }), 'its end is seen');
    put('change.txt', 'again');
    ok(Weir::wait_for(sub { get('/change.txt')->{body} eq 'again' }, 5), 'a file that comes is seen soon');
}

# A file that shrinks while it is sent: the client must be able to see it.
{
    my $path = put('shrink.bin', 'z' x 20_000_000);
    my $c = $w->client('http');
    $c->send("GET /shrink.bin HTTP/1.1\r\nHost: a\r\n\r\n");
    like($c->read_some, qr{^HTTP/1\.1 200 }, 'a very large file begins');
    truncate $path, 1000;
    my $got = length $c->read_all;
    ok($got < 20_000_000, "it ends early ($got bytes)");
    ok($c->{eof} || $c->{errno}, 'with the connection');
}

# Names that are guessed push no file out.
{
    for my $i (1 .. 30) {
        my $c = $w->client('http');
        $c->send(join '', map { "GET /guess-$i-$_ HTTP/1.1\r\nHost: a\r\n\r\n" } 1 .. 50);
        is(scalar(grep { $_->{status} == 404 } $c->read_responses(50)), 50, 'guesses') if $i == 30;
        $c->read_responses(50) if $i < 30;
    }
    is(get('/a.txt')->{body}, '0123456789', 'files are still there');
}

# A directory with nothing in it.
{
    mkdir "$dir/www/list/void" or die $!;
    is(get('/list/void/')->{status}, 200, 'an empty directory is listed');
}

# Another directory in the root's place, as a deployment does it.
{
    rename $dir . '/www', $dir . '/www-before' or die $!;
    mkdir $dir . '/www-next' or die $!;
    symlink 'www-next', $dir . '/www' or die $!;
    $w->write('www-next/a.txt', 'the next release');
    ok(Weir::wait_for(sub { get('/a.txt')->{body} eq 'the next release' }), 'a root that is a link may be switched');
    unlink $dir . '/www' or die $!;
    ok(Weir::wait_for(sub { get('/a.txt')->{status} == 404 }), 'without a root nothing is there');
    rename $dir . '/www-before', $dir . '/www' or die $!;
    ok(Weir::wait_for(sub { get('/a.txt')->{body} eq '0123456789' }), 'until it is there again');
}

$w->stop_ok;
done_testing;
