#!/usr/bin/env perl

# Clients that are not ours, at the files of conf/examples/: a browser, curl, nghttp, h2load, gRPC on Node; and what one
# connection may ask for in the name of several sites. Programs that are not here are skipped. WEIR_NPM=DIRECTORY, where
# `npm install @grpc/grpc-js` was run, adds that package.

use strict;
use warnings;
use File::Temp qw(tempdir);
use FindBin qw($Bin);
use JSON::PP qw(decode_json);
use lib "$Bin/lib";
use Test::More;
use Weir;
use Weir::Example qw(example drive tls_certificates);
use Weir::H2;
use Weir::Programs qw(program_in_path start_program spawn_program end_program output_of chromium);
use Weir::Tls;

local $SIG{ALRM} = sub { die "the clients take too long\n" };
alarm 400;

my ($curl, $nghttp, $h2load, $node, $chromium, $openssl) = map { program_in_path($_) } qw(curl nghttp h2load node chromium openssl);

# The lines of an example's access log, on its standard output, once CODE is content with them.
sub logged {
    my ($w, $re) = @_;
    return Weir::wait_for(sub { $w->read('stdout') =~ $re });
}

# ---- curl

# A run of curl whose output is as it should be, by a regex or by CODE.
sub curl_case {
    my ($name, $want, @args) = @_;
    my $got = output_of($curl, qw(-sS --max-time 60), @args) // 'curl failed';
    ok(ref $want eq 'CODE' ? $want->($got) : $got =~ $want, $name) or diag(substr $got, 0, 500);
    return;
}

my @say = ('-o', '/dev/null', '-w', '%{http_code} %{http_version} %{num_connects}\n');

sub curl_checks {
    my ($label, $url, @how) = @_;
    curl_case("$label: HTTP/1.1", qr{\A200 1\.1 1$}, @how, '--http1.1', @say, "$url/");
    curl_case("$label: HTTP/2", qr{\A200 2 1$}, @how, @say, "$url/");
    curl_case("$label: the page", qr{<title>An example</title>}, @how, "$url/");
    curl_case("$label: a part", qr{\Afile\z}, @how, '-r', '4-7', "$url/files/one.txt");
    curl_case("$label: HEAD", qr{\AHTTP/2 200 \r\n}, @how, '-I', "$url/");
    curl_case("$label: what is not there", qr{\A404 2 1$}, @how, @say, "$url/nothing");
    return;
}

# What a server behind Weir gets, and gives.
sub curl_uploads {
    my ($label, $url, @how) = @_;
    my $dir = tempdir(CLEANUP => 1);
    for my $size (1000, 900_000) {
        open my $fh, '>', "$dir/$size" or die "$size: $!\n";
        print {$fh} 'u' x $size;
        close $fh;
        my $whole = sub { $_[0] =~ s/\A.*?\r\n\r\n//sr =~ tr/u// == $size };
        curl_case("$label: an upload of $size bytes", $whole, @how, '-T', "$dir/$size", "$url/up");
        curl_case("$label: and without its length", $whole, @how, '-H', 'Content-Length:', '-T', "$dir/$size", "$url/up");
    }
    curl_case("$label: too much, by its length", qr{\A413 2 1\n\z}, @how, '-H', 'Content-Length: 2000000', '-T', "$dir/900000", @say, "$url/up");
    open my $fh, '>', "$dir/large" or die "large: $!\n";
    print {$fh} 'u' x 20_000_000;
    close $fh;
    curl_case("$label: too much, once it is there", qr{\A413 2 1\n\z}, @how, '-H', 'Content-Length:', '-T', "$dir/large", @say, "$url/up");
    return;
}

# ---- nghttp and h2load

# Every request of a run is answered well.
sub load_checks {
    my ($label, $n, $clients, $streams, @args) = @_;
    my $text = output_of($h2load, '-n', $n, '-c', $clients, '-m', $streams, @args) // '';
    like($text, qr/^requests: $n total, $n started, $n done, $n succeeded, 0 failed, 0 errored, 0 timeout$/m, "$label: h2load") or diag($text);
    like($text, qr/^status codes: $n 2xx, 0 3xx, 0 4xx, 0 5xx$/m, "$label: all of them 2xx");
    return;
}

sub nghttp_checks {
    my ($label, $url, @args) = @_;
    my $text = output_of($nghttp, '-nv', '--no-dep', @args, "$url/", "$url/files/one.txt", "$url/assets/style.css") // '';
    is(() = $text =~ /:status: 200/g, 3, "$label: nghttp, three at once") or diag($text);
    unlike($text, qr/RST_STREAM|recv GOAWAY.*error_code=(?!NO_ERROR)/, "$label: without a complaint");
    return;
}

{
    my $w  = example('http2.conf');
    my $up = $w->upstream('s9001', {'*' => 'echo', '/load' => {do => 'fixed', body => 'load'}}, brief => 1);
    drive('http2', $w, sub {
        my $url = 'http://127.0.0.1:' . $w->port('http');
        $w->allow(qr/-> 413/);
        SKIP: {
            skip 'no curl here', 1 if !$curl;
            curl_checks('http2, curl', $url, '--http2-prior-knowledge');
            curl_uploads('http2, curl', "$url/app", '--http2-prior-knowledge');
            curl_case('http2, curl: Upgrade is not taken up', qr{\A200 1\.1 }, '--http2', @say, "$url/");
        }
        SKIP: {
            skip 'no nghttp or h2load here', 1 if !$nghttp || !$h2load;
            nghttp_checks('http2', $url);
            load_checks('http2', 10_000, 10, 100, "$url/assets/style.css");
            load_checks('http2, to a server', 400, 4, 5, "$url/app/load");
            open my $body, '>', $w->dir . '/body' or die "body: $!\n";
            print {$body} 'b' x 100_000;
            close $body;
            load_checks('http2, uploads', 100, 4, 5, '-d', $w->dir . '/body', "$url/app/up");
        }
    });
    $up->stop;
}

# ---- over TLS: curl, h2load, a browser; and one connection for several sites (RFC 9113 9.1.1, 9.1.2)

sub ask {
    my ($c, $name, @more) = @_;
    local $c->{authority} = $name;
    return $c->request(GET => '/', @more);
}

sub coalescing_checks {
    my ($w) = @_;
    my @staff = map { ("-$_->[0]", $w->dir . "/tls/staff.$_->[1]") } ['cert', 'pem'], ['key', 'key'];
    my $open  = sub {
        my ($name, @args) = @_;
        my $t = Weir::Tls->client(port => $w->port('https'), dir => $w->dir, host => $name, args => ['-alpn', 'h2', @args]);
        return Weir::H2->new(sock => $t->{sock}, windows => 1);
    };
    my $c = $open->('example.test');
    my $socket = $c->{next};
    $c->{next} += 2;
    $c->headers($socket, [':method' => 'CONNECT', ':protocol' => 'websocket', ':scheme' => 'https', ':authority' => 'example.test',
        ':path' => '/ws', 'sec-websocket-version' => 13]);
    is($c->head($socket)->{status}, 200, 'coalescing: a WebSocket');
    is($c->response(ask($c, 'example.test'))->{status}, 200, 'coalescing: the name of the handshake');
    is($c->response(ask($c, 'www.example.test'))->{status}, 200, 'coalescing: another of the same site and certificate');
    is($c->response(ask($c, 'WWW.Example.TEST:443'))->{status}, 200, 'coalescing: however it is written');
    is($c->response(ask($c, 'shop.test'))->{body}, "the shop\n", 'coalescing: another site with the same policy');
    my @both = map { ask($c, $_) } 'staff.example.test', 'www.example.test', 'staff.example.test';
    is(join(' ', map { $c->response($_)->{status} } @both), '421 200 421', 'coalescing: a site with another policy, 421');
    $c->{authority} = 'staff.example.test';
    my $post = $c->request(POST => '/', ['content-length' => 6], \1);
    is($c->head($post)->{status}, 421, 'coalescing: before its body');
    $c->data($post, 'upload', 1);
    $c->data($socket, "\x81\x85\0\0\0\0after");
    ok($c->until(sub { $c->_stream($socket)->{body} eq "\x81\x05after" }), 'coalescing: the WebSocket goes on');
    is($c->response(ask($c, 'example.test'))->{status}, 200, 'coalescing: and the connection goes on');
    $c->close;

    $c = $open->('staff.example.test', @staff);
    is($c->response(ask($c, 'staff.example.test'))->{body}, "staff only\n", 'coalescing: the site that asks for a certificate');
    is($c->response(ask($c, 'example.test'))->{status}, 421, 'coalescing: nothing else on its connection');
    is($c->response(ask($c, 'staff.example.test'))->{status}, 200, 'coalescing: which goes on');
    $c->close;
    return;
}

# The browser says over which protocol it has the page, a script and a picture of it, what its WebSocket echoes, and that
# a name of the same certificate shares the connection, by asking for an address that says so.
my $page = <<'HTML';
<!doctype html><html><head><title>Protocols</title></head><body><script>
const of = name => performance.getEntriesByType('resource').filter(e => e.name.includes(name)).map(e => e.nextHopProtocol).join();
const socket = () => new Promise((yes, no) => {
    const ws = new WebSocket(location.origin.replace('https', 'wss') + '/ws');
    const all = [];
    ws.binaryType = 'arraybuffer';
    ws.onopen = () => { ws.send('caf\u00e9'); ws.send(new Uint8Array(1000000)); };
    ws.onmessage = m => { all.push(m.data === 'caf\u00e9' ? 'text' : m.data.byteLength); if (all.length === 2) ws.close(1000, 'bye'); };
    ws.onclose = e => yes(`${all.join('+')}+${e.code}+${e.wasClean}`);
    ws.onerror = () => yes('error');
});
const get = url => fetch(url, { mode: 'no-cors' }).then(r => r.type, e => 'none');
(async () => {
    await (await fetch('/files/one.txt')).text();
    const said = [performance.getEntriesByType('navigation')[0].nextHopProtocol, of('one.txt'), await socket(),
        await get(location.origin.replace('//', '//www.') + '/files/two.txt')];
    const many = await Promise.all(Array.from({ length: 200 }, (_, i) => fetch(`/files/one.txt?${i}`).then(r => r.text())));
    said.push(many.filter(t => t === 'One file.\n').length);
    fetch('/said/' + said.join('/'));
})();
</script></body></html>
HTML

sub browser_checks {
    my ($w) = @_;
    my $dir = tempdir(CLEANUP => 1);
    $w->write('www/protocols.html', $page);
    my $pid = chromium($dir, $chromium, '--ignore-certificate-errors', '--host-resolver-rules=MAP * 127.0.0.1',
        '--remote-debugging-port=0', 'https://example.test:' . $w->port('https') . '/protocols.html');
    my $line = qr{^127\.0\.0\.1 TLSv1\.3 HTTP/2\.0 GET example\.test /said/(\S+) 404$}m;
    ok(Weir::wait_for(sub { $w->read('stdout') =~ $line }, 90), 'browser: it has run to its end') or diag($w->read('stdout'));
    end_program($pid);
    my ($said) = $w->read('stdout') =~ $line;
    is($said, 'h2/h2/text+1000000+1000+true/opaque/200', 'browser: HTTP/2, a WebSocket, a name that shares the connection');
    ok(logged($w, qr{^127\.0\.0\.1 TLSv1\.3 HTTP/2\.0 GET example\.test /ws 101$}m), 'browser: the WebSocket is a stream of HTTP/2')
        or diag(grep { m{/ws} } $w->read('stdout'));
    return;
}

SKIP: {
    skip 'no openssl here', 1 if !$openssl;
    my $w    = example('tls.conf', before => \&tls_certificates);
    my $echo = start_program($w->port('s9003'), [$^X, "$Bin/sites/echo.pl", $w->port('s9003')]);
    my $tls  = $w->port('https');
    drive('tls', $w, sub {
        $w->allow(qr/-> (?:421|502)/);
        coalescing_checks($w);
        SKIP: {
            skip 'no curl here', 1 if !$curl;
            my @how = ('--cacert', $w->dir . '/tls/site.pem', map { ('--resolve', "$_:$tls:127.0.0.1") } 'example.test', 'staff.example.test');
            my $url = "https://example.test:$tls";
            curl_checks('tls, curl', $url, @how, '--http2');
            curl_case('tls, curl: more on one connection', qr{\A200 2 1\n200 2 0\n404 2 0\n200 2 0\n\z}, @how, '--http2', @say, "$url/",
                @say, "$url/files/one.txt", @say, "$url/nothing", @say, "$url/assets/style.css");
            curl_case("tls, curl: another name, --http$_->[0]", qr{\A421 $_->[1] 1\n200 $_->[1] 0\n\z}, @how, "--http$_->[0]", @say,
                '-H', 'Host: staff.example.test', "$url/", '--next', '--max-time', 60, @how, "--http$_->[0]", @say, "$url/")
                for ['2', '2'], ['1.1', '1\.1'];
            my @staff = map { ("--$_->[0]", $w->dir . "/tls/staff.$_->[1]") } ['cert', 'pem'], ['key', 'key'];
            curl_case('tls, curl: staff', qr{\Astaff only\n\z}, @how, @staff, '--http2', "https://staff.example.test:$tls/");
        }
        SKIP: {
            skip 'no nghttp or h2load here', 1 if !$nghttp || !$h2load;
            nghttp_checks('tls', "https://127.0.0.1:$tls", '-H', ':authority: example.test');
            load_checks('tls', 10_000, 10, 100, '-H', ':authority: example.test', "https://127.0.0.1:$tls/assets/style.css");
        }
        SKIP: {
            skip 'no Chromium here', 1 if !$chromium;
            browser_checks($w);
        }
    });
    end_program($echo);
}

# ---- gRPC: what both ends see, without Weir and through it

sub grpc_checks {
    my ($label, $package) = @_;
    my $w     = example('grpc.conf', workers => 1);
    my @ports = map { $w->port($_) } qw(s9001 s9002);
    my $http  = $w->port('http');
    drive($label, $w, sub {
        my $text = output_of($node, "$Bin/clients/grpc.js", $package, join(',', @ports), "direct=$ports[0]", "weir=$http") // '';
        like($text, qr/^end$/m, "$label: all calls were made") or diag($text);
        my %seen;
        for (grep { /\t/ } split /\n/, $text) {
            my ($way, $name, $said) = split /\t/;
            $seen{$name}{$way} = decode_json($said);
        }
        my %status = (Unary => 0, Empty => 0, Large => 0, Fail => 7, Nobody => 12, Slow => 4, Down => 0, DownLarge => 0, DownFail => 13,
            DownDeadline => 4, Up => 0, UpLarge => 0, Both => 0, Cancel => 1);
        for my $name (sort keys %status) {
            my ($got) = map { /\Astatus (-?\d+)/ } @{$seen{$name}{direct}{client} // []};
            is($got, $status{$name}, "$label: $name ends with $status{$name}");
            is_deeply($seen{$name}{weir}, $seen{$name}{direct}, "$label: $name through Weir is as without");
        }
        ok(logged($w, qr{^127\.0\.0\.1 /shop\.Cart/Fail 200 7 }m), "$label: the log has the status of a call");
        $w->allow(qr/upstream/);
    });
    return;
}

# Calls by those who know HTTP/2 alone: their status is a trailer, for who wants them.
sub grpc_calls_checks {
    my $w       = example('grpc.conf', workers => 1);
    my @ports   = map { $w->port($_) } qw(s9001 s9002);
    my $servers = start_program($ports[1], [$node, "$Bin/clients/grpc.js", '-', join ',', @ports]);
    my $url     = 'http://127.0.0.1:' . $w->port('http') . '/shop.Cart/';
    my $ask     = $w->write('ask', pack 'CNa*', 0, 3, 'ask');
    my @type    = ('-H', 'Content-Type: application/grpc', '-H', 'X-Ask: curl');
    drive('grpc', $w, sub {
        SKIP: {
            skip 'no curl here', 1 if !$curl;
            my @call = ('--http2-prior-knowledge', '-D', '-', '-o', $w->dir . '/answer', '--data-binary', "\@$ask", @type);
            curl_case('grpc, curl: trailers', qr{^x-answer: curl\r\n.*\r\n\r\n.*^grpc-status: 0\r\n.*^x-end: trailer\r\n}ms, @call,
                '-H', 'TE: trailers', "${url}Unary");
            is($w->read('answer'), $w->read('ask'), 'grpc, curl: a message');
            curl_case('grpc, curl: not for others', sub { $_[0] =~ m{\AHTTP/2 200} && $_[0] !~ /x-end/ }, @call, "${url}Unary");
            curl_case('grpc, curl: a status without a message', qr{^grpc-status: 7\r\n}m, @call, '-H', 'TE: trailers', "${url}Fail");
        }
        SKIP: {
            skip 'no h2load here', 1 if !$h2load;
            load_checks('grpc', 2000, 10, 20, '-d', $ask, '-H', 'te: trailers', @type, "${url}Unary");
        }
    });
    end_program($servers);
    return;
}

SKIP: {
    skip 'no Node here', 1 if !$node;
    grpc_checks('grpc', '-');
    grpc_calls_checks();
}

SKIP: {
    my $package = $node && $ENV{WEIR_NPM} && "$ENV{WEIR_NPM}/node_modules/\@grpc/grpc-js";
    skip 'no WEIR_NPM with @grpc/grpc-js in it', 1 if !$package || !-d $package;
    grpc_checks('grpc-js', $package);
}

done_testing();
