#!/usr/bin/env perl

# weir -t of caches: what is valid, what is wrong and how it is said, and the warnings of keys by which one client would
# get what is meant for another.

use strict;
use warnings;
use FindBin;
use lib "$FindBin::Bin/lib";
use Test::More;
use Weir;
use Weir::Tls;

local $SIG{ALRM} = sub { die "the test of the configuration of caches takes too long\n" };
alarm 100;

my $w = Weir->new(ports => [qw(a b)]);
my ($pa, $pb) = map { $w->port($_) } qw(a b);
mkdir $w->dir . "/$_" for qw(www www/in store run);
symlink 'store', $w->dir . '/link';
$w->write('file', "x\n");

sub check {
    my ($text, $option) = @_;
    $w->conf($text);
    my $r = $w->run($option // '-t', '-c', '{{dir}}/weir.conf');
    my $dir = $w->dir;
    $r->{err} =~ s/^\Q$dir\E\///mg;
    return $r;
}

my $listen = "listeners = ( \"127.0.0.1:$pa\" );";
my $up     = 'upstreams = ( { name = "app"; servers = "127.0.0.1:81"; }, { name = "two"; servers = "127.0.0.1:82"; } );';
my $caches = 'caches = ( { name = "pages"; path = "cache"; size = "10m"; } );';

# Behind what is tested, which begins on line 2.
sub with_cache { return "caches = (\n$_[0] );\n$listen\n$up\nsites = ( { proxy = \"app\"; cache = \"c\"; } );\n" }
sub with_route { return "sites = ( { hosts = \"a.test\"; routes = (\n$_[0] ); } );\n$listen\n$up\n$caches\n" }
sub use_cache  { return with_route("{ proxy = \"app\"; cache = { name = \"pages\";\n$_[0] }; }") }

my $c = 'name = "c"; path = "cache"; size = "10m";';

# ---- good ones, whose -T is one, too
for my $text (
    with_cache('{ name = "c"; path = "memory"; size = "1m"; }'),
    with_cache('{ name = "c"; path = "store/"; size = "2g"; memory = 0; max_object = "2g"; key = "$scheme$host$path?$query";'
            . ' ignore_query = "b"; sort_query = true; ignore_vary = [ "User-Agent" ]; default_ttl = "5m";'
            . ' ttl = ( [ 404, "1m" ], { status = [ 301, "500-599" ]; ttl = 0; } ); stale_while_revalidate = 30; stale_if_error = "1d";'
            . ' lock_timeout = "1s"; hit_for_miss = 0; max_variants = 5; min_uses = 2; methods = "GET"; tags_header = "Surrogate-Key";'
            . ' bypass = ( { cookie = "session"; }, { header = "X-Fresh"; is = "1"; } ); set_cookie = "strip";'
            . ' no_store = ( { status = "500-599"; }, { sent_header = "X-No"; }, { value = "$status"; is = 203; } ); }'),
    use_cache('key = "$scheme$host$uri$header_x_lang"; ignore_query = [ "utm_*", "ref" ]; min_uses = 15; bypass = ( { query = "q"; } );'),
    "defaults = { cache = \"pages\"; };\n$caches\n$listen\n$up\nsites = ( { cache = { min_uses = 2; }; routes = (\n"
        . '{ prefix = "/a"; proxy = "app"; cache = { default_ttl = 1; }; }, { prefix = "/b"; proxy = "app"; cache = false; },'
        . '{ prefix = "/c"; proxy = "app"; }, { prefix = "/d"; root = "www"; } ); } );',
    with_route("{ prefix = \"/p\"; purge = \"pages\"; when = ( { method = \"PURGE\"; }, { source = \"10.0.0.0/8\"; } ); },\n"
            . '{ proxy = "app"; cache = "pages"; }'),
) {
    my $r = check($text);
    is($r->{err}, '', 'valid, without a warning') or diag $text;
    like($r->{out}, qr/the configuration is valid/, 'it is said');
    my $first  = check($text, '-T');
    my $second = check($first->{out}, '-T');
    is($second->{out}, $first->{out}, '-T of -T is the same text');
    is($second->{err}, '', 'and is valid');
}
{
    my $r = check(with_cache("{ $c }"), '-T')->{out};
    my ($shown) = $r =~ /^caches = \( (.*?)^\}/ms;
    like($shown, qr/path = "\Q@{[$w->dir]}\E\/cache";.*\Q$_\E/s, "-T: $_")
        for 'memory = "64m";', 'key = "$scheme$host$uri";', 'default_ttl = false;', 'lock = true;', 'lock_timeout = "5s";',
        'hit_for_miss = "5s";', 'min_uses = 1;', 'methods = ( "GET", "HEAD" );', 'set_cookie = "refuse";';
}

# ---- wrong ones: the whole of what is said
my @bad = (
    # Names.
    [with_cache("{ $c },\n{ name = \"c\"; path = \"memory\"; size = \"1m\"; }"),
     "3: the cache \"c\" is defined twice, first at {{dir}}/weir.conf:2; keep one of them"],
    [with_cache("{ $c }, { path = \"memory\";\nsize = \"1m\"; }"),
     "2: a cache needs a name; write name = \"...\"; without control characters"],
    [with_cache("{ $c }, { name = \"x\\ny\"; path = \"memory\";\nsize = \"1m\"; }"),
     "2: a cache needs a name; write name = \"...\"; without control characters"],
    [with_route('{ proxy = "app"; cache = "pagse"; }'), "2: there is no cache \"pagse\"; did you mean \"pages\"?"],
    [with_route('{ root = "www"; cache = "other"; }'), "2: there is no cache \"other\"; write the name of one that is defined"],
    [with_route('{ proxy = "app"; cache = { min_uses = 2; }; }'), "2: 'cache' says not which; write name = \"...\"; of one of 'caches'"],
    ["defaults = { cache = { name = \"pgaes\"; }; };\n" . with_route('{ proxy = "app"; }, { prefix = "/b"; proxy = "app"; }'),
     "1: there is no cache \"pgaes\"; did you mean \"pages\"?"],
    # Paths and sizes.
    [with_cache('{ name = "c"; }'), "2: a cache lacks 'path'; write path = ...;", "2: a cache lacks 'size'; write size = ...;"],
    [with_cache('{ name = "c"; path = "/"; size = "1m"; }'), "2: 'path' is /; write a directory for this cache alone"],
    [with_cache('{ name = "c"; path = "file"; size = "1m"; }'),
     "2: 'path' is {{dir}}/file, which is not a directory; write the path of one"],
    [with_cache('{ name = "c"; path = "none/c"; size = "1m"; }'),
     "2: 'path' is in {{dir}}/none, which is not a directory; make it or write another path"],
    [with_cache("{ $c },\n{ name = \"d\"; path = \"./cache\"; size = \"1m\"; },\n{ name = \"e\"; path = \"store\"; size = \"1m\"; },\n"
         . "{ name = \"f\"; path = \"link/f\"; size = \"1m\"; }"),
     "3: 'path' is that of the cache \"c\" at {{dir}}/weir.conf:2 too; write another one",
     "5: 'path' and that of the cache \"e\" at {{dir}}/weir.conf:4 lie in one another; write another one"],
    ["caches = ( { name = \"c\"; path = \"www/c\"; size = \"1m\"; },\n{ name = \"d\"; path = \"memory\"; size = \"1m\"; } );\n$listen\n$up\n"
         . "sites = ( { routes = (\n{ root = \"www\"; }, { prefix = \"/in\"; root = \"www/in\"; } ); } );",
     "1: 'path' and {{dir}}/www, whose files the route at {{dir}}/weir.conf:6 serves, lie in one another; write a directory apart"],
    ["state_dir = \"run\";\n" . with_cache('{ name = "c"; path = "run"; size = "1m"; }'),
     "3: 'path' holds the state_dir {{dir}}/run; write a directory for this cache alone"],
    [with_cache('{ name = "c"; path = "cache"; size = 4096; }'), qr/^weir\.conf:2: 'size' is out of range; write a value from "1m" to /],
    [with_cache("{ $c\nmax_object = \"11m\"; }"),
     "3: 'max_object' is larger than the 'size' of the cache \"c\"; write a smaller one"],
    [use_cache('max_object = "11m";'), "3: 'max_object' is larger than the 'size' of the cache \"pages\"; write a smaller one"],
    [use_cache('path = "x";'), "3: 'path' may not stand in a route; it belongs in an element of 'caches'"],
    # Keys.
    [use_cache('key = "$hots";'), "3: unknown variable \$hots; did you mean \$host?"],
    [use_cache('key = "";'), "3: 'key' is empty; write one such as \"\$scheme\$host\$uri\""],
    [use_cache('key = "$status";'), qr/^weir\.conf:3: \$status is known only once there is a response/],
    [use_cache('ignore_query = [ "a*b", "a=b" ];'),
     "3: 'ignore_query' has \"a*b\"; write names of arguments, \"PREFIX*\", or \"*\" for the whole query",
     "3: 'ignore_query' has \"a=b\"; write names of arguments, \"PREFIX*\", or \"*\" for the whole query"],
    [use_cache('ignore_query = [ "a", "*" ];'), "3: 'ignore_query' has \"*\", which is the whole query, beside others; keep one of them"],
    [use_cache('ignore_vary = [ "a b", "*" ];'), "3: 'ignore_vary' has \"a b\"; write names of header fields",
     "3: 'ignore_vary' has \"*\"; write names of header fields"],
    # Times, and what is stored.
    [use_cache('min_uses = 0;'), "3: 'min_uses' is out of range; write a value from 1 to 15"],
    [use_cache('ttl = ( [ 99, "1m" ] );'), "3: 'status' is out of range; write a status from 100 to 599"],
    [use_cache("ttl = ( [ 206, \"1m\" ],\n{ status = [ \"304\", 404 ]; ttl = 1; }, [ \"100-299\", 1 ] );"),
     "3: an answer with status 206 is never stored for itself; write others, such as 200 or 404",
     "4: an answer with status 304 is never stored for itself; write others, such as 200 or 404",
     "4: an answer with status 100 is never stored for itself; write others, such as 200 or 404"],
    [use_cache('ttl = ( { status = 404; } );'), "3: an element of 'ttl' lacks 'ttl'; write ttl = ...;"],
    [use_cache('methods = "HEAD";'), "3: 'methods' lacks GET, and nothing else is stored; write [ \"GET\" ] or [ \"GET\", \"HEAD\" ]"],
    [use_cache('methods = [ "GET", "POST" ];'), qr/^weir\.conf:3: 'methods' cannot be "POST"/],
    [use_cache('bypass = ( { status = 404; } );'),
     "3: 'status' may not stand in a route; it belongs in the conditions of an access log or of 'no_store'"],
    [use_cache('set_cookie = "drop";'), "3: 'set_cookie' cannot be \"drop\"; write \"refuse\", \"strip\" or \"store\""],
    [use_cache('tags_header = "a b";'), "3: 'tags_header' is \"a b\"; write the name of a header field"],
    # Purging.
    [with_route('{ prefix = "/p"; purge = "pages"; }'),
     "2: anybody could purge the cache \"pages\" here; write when = ( { source = [ \"NETWORK\" ]; } );"],
    [with_route('{ prefix = "/p"; purge = "pages"; when = ( { source = "10.0.0.0/8"; not = true; } ); }'),
     "2: anybody could purge the cache \"pages\" here; write when = ( { source = [ \"NETWORK\" ]; } );"],
    [with_route('{ prefix = "/p"; purge = "page"; when = ( { source = "10.0.0.0/8"; } ); }'),
     "2: there is no cache \"page\"; did you mean \"pages\"?"],
    ["$listen\n$caches\nsites = ( { purge = \"pages\"; } );",
     "3: anybody could purge the cache \"pages\" here; write when = ( { source = [ \"NETWORK\" ]; } );"],
    [with_route('{ purge = "pages"; proxy = "app"; when = ( { source = "10.0.0.0/8"; } ); }'),
     "2: the route has more than one action; keep one of proxy, root, alias, redirect, respond, status and purge"],
    # Words of others.
    [with_route('{ proxy = "app"; proxy_cache_valid = "10m"; }'), qr/^weir\.conf:2: .*ttl = \( \[ 200, "10m" \] \)/],
);
for my $b (@bad) {
    my ($text, @want) = @$b;
    my $r    = check($text);
    my @said = split /\n/, $r->{err};
    is($r->{exit}, 1, 'exit code');
    is(scalar @said, scalar @want, 'as many errors as are wrong') or diag "$text\n$r->{err}";
    for my $i (0 .. $#want) {
        my $said = $said[$i] // '';
        ref $want[$i] ? like($said, $want[$i], "says: $want[$i]") : is($said, $w->fill("weir.conf:$want[$i]"), "says: $want[$i]");
    }
}

# ---- warnings: what does nothing, and keys that are not enough
my $right = 'write key = "$scheme$host$uri"';
my $all   = 'an answer by it is given to all';
my @warned = (
    [with_route('{ root = "www"; cache = "pages"; }'),
     "2: warning: 'cache' does nothing here, as it is for routes that forward, and this one does not; remove it",
     "5: warning: no route uses the cache \"pages\"; write cache = \"pages\"; in one that forwards"],
    [with_cache("{ $c\nmemory = \"11m\"; lock = false;\nlock_timeout = 1;\nttl = ( [ \"400-499\", 1 ],\n[ 404, 2 ] ); }"),
     "3: warning: 'memory' is larger than 'size', and what is beyond that is never used; write a smaller one",
     "4: warning: 'lock_timeout' does nothing with lock = false, where nobody waits; remove it",
     "6: warning: this element of 'ttl' does nothing, as the one at {{dir}}/weir.conf:5 has its statuses; remove one of them"],
    [use_cache("key = \"\$scheme\$host\$path\$arg_a\";\nsort_query = true;\nignore_query = \"a\";"),
     "5: warning: 'ignore_query' takes out the argument \"a\", which 'key' names; take it out of one of them"],
    [use_cache("key = \"\$scheme\$host\$path\";\nsort_query = true;"),
     "4: warning: 'sort_query' does nothing with a 'key' without \$uri and \$query; remove it"],
    # The host.
    ["sites = (\n{ proxy = \"app\"; cache = { name = \"pages\"; key = \"\$scheme\$uri\"; }; } );\n$listen\n$up\n$caches\n",
     "2: warning: 'key' is without \$host, and the site at {{dir}}/weir.conf:2 answers for more than one: what one host has is "
         . "given out for others; $right"],
    ["sites = (\n{ hosts = [ \"a.test\", \"b.test\" ]; proxy = \"app\"; cache = { name = \"pages\"; key = \"\$scheme\$uri\"; }; } );\n"
         . "$listen\n$up\n$caches\n",
     "2: warning: 'key' is without \$host, and the site at {{dir}}/weir.conf:2 answers for more than one: what one host has is "
         . "given out for others; $right"],
    ["sites = (\n{ hosts = \"*.test\"; proxy = \"app\"; cache = { name = \"pages\"; key = \"\$scheme\$uri\"; }; } );\n$listen\n$up\n$caches\n",
     "2: warning: 'key' is without \$host, and the site at {{dir}}/weir.conf:2 answers for more than one: what one host has is "
         . "given out for others; $right"],
    ["sites = ( { hosts = \"~^(a|b)\$\"; proxy = \"app\"; cache = { name = \"pages\"; key = \"\$scheme\$host_1\$uri\"; }; } );\n$listen\n$up\n$caches\n"],
    [use_cache('key = "$scheme$uri";')],
    ["caches = ( { name = \"pages\"; path = \"cache\"; size = \"1m\";\nkey = \"\$scheme\$uri\"; } );\n$listen\n$up\nsites = (\n"
         . "{ hosts = \"a.test\"; proxy = \"app\"; cache = \"pages\"; },\n{ hosts = \"b.test\"; proxy = \"two\"; cache = \"pages\"; } );",
     "2: warning: 'key' is without \$host, and the cache is that of several sites, those at {{dir}}/weir.conf:6 and "
         . "others; $right"],
    # The path.
    [use_cache('key = "$scheme$host";'), "3: warning: 'key' is without \$uri and \$path, so that all paths of the route at "
         . "{{dir}}/weir.conf:2 are one object; $right"],
    [with_route('{ exact = "/one"; proxy = "app"; cache = { name = "pages"; key = "$scheme$host"; }; }')],
    [with_route('{ regex = "^/(.*)"; proxy = "app"; cache = { name = "pages"; key = "$scheme$host$1"; }; }')],
    # Fields.
    [with_route("{ proxy = \"app\"; cache = \"pages\";\nrequest_headers = { set = { X-Lang = \"\$cookie_lang\"; X-Real = \"\$remote_addr\"; }; };\n"
         . "proxy_headers = { host = \"\$header_x_tenant.test\"; }; }"),
     "3: warning: X-Lang is made of \$cookie_lang, which is not in the 'key' of the cache: $all; put \$cookie_lang into the key",
     "4: warning: Host is made of \$header_x_tenant, which is not in the 'key' of the cache: $all; put \$header_x_tenant into the key"],
    [with_route('{ proxy = "app"; cache = { name = "pages"; key = "$scheme$host$uri$cookie_lang"; };'
         . ' request_headers = { set = { X-Lang = "$cookie_lang"; X-Query = "$arg_q"; X-Host = "$header_host"; }; }; }')],
    [with_route("{ proxy = \"app\"; cache = { name = \"pages\"; ignore_query = \"q\"; };\n request_headers = { set = { X-Query = \"\$arg_q\"; }; }; }"),
     "3: warning: X-Query is made of \$arg_q, which is not in the 'key' of the cache: $all; put \$arg_q into the key"],
    ["listeners = ( { address = \"127.0.0.1:$pa\"; trusted = \"10.0.0.0/8\"; } );\n$up\n$caches\nsites = ( { proxy = \"app\";\n"
         . "cache = \"pages\"; request_headers = { remove = \"X-Forwarded-Proto\"; }; } );",
     "5: warning: 'key' is without \$header_x_forwarded_host, which peers in 'trusted' may send and servers may answer by; put "
         . "it into the key, or write request_headers = { remove = \"X-Forwarded-Host\"; };"],
    # Who is asked.
    ["upstreams = ( { name = \"app\"; servers = \"127.0.0.1:1\"; sticky = { cookie = \"S\"; }; divert = (\n{ to = \"b\"; when = ( { cookie = \"beta\"; } ); },\n"
         . "{ to = \"b\"; when = ( { query = \"beta\"; } ); } ); }, { name = \"b\"; servers = \"127.0.0.1:2\"; } );\n$listen\n$caches\n"
         . "sites = (\n{ proxy = \"app\"; cache = \"pages\"; } );",
     "7: warning: 'divert' at {{dir}}/weir.conf:2 chooses by what is not in the 'key' of the cache: what one of the upstreams "
         . "answers is given to all; put it into the key, or write cache = false",
     "7: warning: the upstream \"app\" at {{dir}}/weir.conf:1 has 'sticky', and an answer on which that sets its cookie is "
         . "private: it is not stored, only those to clients that have the cookie are"],
    [with_route("{ prefix = \"/a/\"; proxy = \"two\"; cache = \"pages\"; when = ( { language = \"de\"; } ); },\n{ proxy = \"app\"; cache = \"pages\"; }"),
     "2: warning: 'when' chooses this route by what is not in the 'key' of its cache, which the one at {{dir}}/weir.conf:3 has "
         . "too: what one of them gets is given out by both; put it into the key, or \$route"],
    [with_route('{ prefix = "/a/"; proxy = "two"; cache = "pages"; when = ( { method = "GET"; }, { query = "x"; } ); }, { proxy = "app"; cache = "pages"; }')],
    [with_route('{ prefix = "/a/"; proxy = "two"; cache = "pages"; when = ( { language = "de"; } ); }, { prefix = "/b/"; proxy = "app"; cache = "pages"; }')],
    [with_route('{ prefix = "/a/"; proxy = "app"; cache = "pages"; when = ( { language = "de"; } ); }, { proxy = "app"; cache = "pages"; }')],
    [with_route('{ name = "x"; proxy = "two"; cache = { name = "pages"; key = "$route$scheme$host$uri"; }; when = ( { language = "de"; } ); },'
         . '{ name = "y"; proxy = "app"; cache = { name = "pages"; key = "$route$scheme$host$uri"; }; }')],
);
for my $row (@warned) {
    my ($text, @want) = @$row;
    my $r = check($text);
    is($r->{exit}, 0, 'a configuration with warnings is valid') or diag $text;
    is($r->{err}, join('', map { $w->fill("weir.conf:$_\n") } @want), 'which are: ' . ($want[0] // 'none'));
}

# The scheme, where clients come by both.
SKIP: {
    eval { Weir::Tls->certificate($w->dir, 'a', hosts => ['a.test']); 1 } or skip 'no certificate can be made', 2;
    my $both = "listeners = ( \"127.0.0.1:$pa\", { address = \"127.0.0.1:$pb\"; tls = { certificates = ( { cert = \"a.pem\"; key = \"a.key\"; } ); }; } );\n$up\n$caches\nsites = ( {\n";
    my $site = 'hosts = "a.test"; proxy = "app"; cache = { name = "pages"; key = "$host$uri"; };';
    is(check("$both$site } );")->{err}, "weir.conf:5: warning: 'key' is without \$scheme, and clients come with TLS and without: a "
        . "redirect to https would be given to both; $right\n", 'a key without the scheme');
    is(check("$both$site https_only = true; } );")->{err}, '', 'but where all come by one');
}

# ---- included files
$w->write('more.conf', qq(caches = ( { name = "more"; path = "memory"; size = "1m"; }, { name = "pages"; path = "memory"; size = "1m"; } );\n));
is(check("include = \"more.conf\";\n" . with_route('{ proxy = "app"; cache = "more"; }'))->{err},
    $w->fill("more.conf:1: the cache \"pages\" is defined twice, first at {{dir}}/weir.conf:6; keep one of them\n"), 'caches of included files');

# ---- a client's fields by which servers change what they answer are not passed on, unless the key has them
{
    my $o = Weir->new(ports => [qw(http app)], conf => <<'CONF');
error_log = { path = "{{dir}}/error.log"; };
listeners = ( "127.0.0.1:{{http}}" );
upstreams = ( { name = "app"; servers = "127.0.0.1:{{app}}"; } );
caches = ( { name = "pages"; path = "memory"; size = "1m"; } );
defaults = { cache = "pages"; };
sites = ( { routes = (
  { prefix = "/plain/"; proxy = "app"; },
  { prefix = "/keyed/"; proxy = "app"; cache = { key = "$scheme$host$uri$header_x_host"; }; },
  { prefix = "/said/"; proxy = "app"; request_headers = { set = { X-Host = "$host"; }; }; },
  { prefix = "/bare/"; proxy = "app"; proxy_headers = { forwarded = false; }; },
  { prefix = "/none/"; proxy = "app"; cache = false; } ); } );
CONF
    my $app = $o->upstream('app', {do => 'fixed', body => 'x'});
    $o->start;
    my $number = 0;
    for my $row (
        # method, folder, what of X-Host, X-Original-URL, X-Forwarded-Host, X-Other reaches the server
        ['GET', 'plain', undef, undef, 'own', 'o'], ['HEAD', 'plain', undef, undef, 'own', 'o'],
        ['GET', 'keyed', 'evil', undef, 'own', 'o'], ['GET', 'said', 'a.test', undef, 'own', 'o'],
        ['GET', 'bare', undef, undef, undef, 'o'], ['GET', 'none', 'evil', '/evil', 'own', 'o'],
        ['POST', 'plain', 'evil', '/evil', 'own', 'o'],
    ) {
        my ($method, $folder, @want) = @$row;
        $o->get('http', "/$folder/" . ++$number, method => $method, headers => [Host => 'a.test', 'X-Host' => 'evil', 'x-original-url' => '/evil',
            'X-Forwarded-Host' => 'evil', 'X-Other' => 'o', $method eq 'POST' ? ('Content-Length' => 0) : ()]);
        my ($request) = grep { $_->{target} eq "/$folder/$number" } $app->seen;
        my @got = map { Weir::Client::header($request, $_) } qw(X-Host X-Original-URL X-Forwarded-Host X-Other);
        $_ = defined $_ && $_ eq 'a.test' ? 'own' : $_ for $got[2];
        is_deeply(\@got, \@want, "$method /$folder/: fields that reach the server");
    }
    $o->stop_ok;
}

done_testing;
