package Weir::Cached;

# What the tests of caches share: an upstream whose answer is a function of what is asked, so that it needs no script,
# and looks at what came from a cache. Arguments of the query say how it answers:
#
#   s=BYTES      size of the body (20), which content() makes of the path, of the Vary'd fields and of n
#   cc=TEXT      Cache-Control (max-age=600); none: no such field
#   a=SECONDS    Age; only up to the request number k
#   e=TAG        ETag, "TAG"; answers 304 where If-None-Match has it, with c3 as its Cache-Control
#   lm=SECONDS   Last-Modified so long ago
#   v=NAMES      Vary
#   sc=TEXT      Set-Cookie
#   st=STATUS    (200)
#   f=NAME:VALUE one more field; fn=NUMBER fields of fs (20) bytes
#   t=1 chunked  t=2 until the end of the connection
#   d=SECONDS    before the head; d1: of the first request alone
#   p=SECONDS    between ten pieces of the body
#   cut=BYTES    of the body, then the connection ends
#   n=1          the body has the number of the request for that path
#   m=NAME       a file DIR/NAME may say what to do instead: hang, reset, close, 503
#
# A '+' stands for a blank.

use strict;
use warnings;
use Digest::SHA qw(sha1_hex);
use Exporter qw(import);
use Fcntl qw(LOCK_EX);
use Test::Builder;
use Time::HiRes qw(sleep time);
use Weir;
use Weir::Client qw(header headers request_bytes);

our @EXPORT = qw(content same cached_upstream fetches status_of is_hit in_parallel begin
    read_together finish);

# SIZE bytes that nobody else's answer has.
sub content {
    my ($name, $size) = @_;
    my $unit = sha1_hex($name) . ' ';
    return substr $unit x ($size / 41 + 1), 0, $size;
}

# is() of long bodies.
sub same {
    my ($got, $expected, $name) = @_;
    my $tb = Test::Builder->new;
    return $tb->ok(1, $name) if $got eq $expected;
    my $at = 0;
    $at++ while $at < length $got && substr($got, $at, 1) eq substr $expected, $at, 1;
    $tb->ok(0, $name);
    return $tb->diag('    ' . length($got) . ' bytes, not ' . length($expected) . ", and others from $at on");
}

sub _arguments {
    my ($target) = @_;
    my ($path, $query) = split /\?/, $target, 2;
    my %q = map { my ($n, $v) = split /=/, $_, 2; ($n => $v // '') } split /&/, $query // '';
    for (values %q) {
        tr/+/ /;
        s/%([0-9A-Fa-f]{2})/chr hex $1/ge;
    }
    return ($path, %q);
}

# How often that path was asked for, this time included.
sub _number {
    my ($dir, $path) = @_;
    open my $fh, '>>', "$dir/n-" . sha1_hex($path) or die "count: $!\n";
    flock $fh, LOCK_EX or die "count: $!\n";
    syswrite $fh, '.';
    return -s $fh;
}

sub _says {
    my ($dir, $name) = @_;
    open my $fh, '<', "$dir/$name" or return '';
    return readline($fh) // '';
}

# True: the connection goes on.
sub _answer {
    my ($dir, $conn, $r) = @_;
    my ($path, %q) = _arguments($r->{target});
    my $do = defined $q{m} ? _says($dir, $q{m}) : '';
    my $n  = _number($dir, $path);
    sleep $q{d} if $q{d};
    sleep $q{d1} if $q{d1} && $n == 1;
    if ($do eq 'hang') { $conn->read_all; return 0 }
    if ($do eq 'reset') { $conn->reset; return 0 }
    if ($do eq 'close') { return 0 }
    $q{st} = 503, $q{cc} = 'none' if $do eq '503';
    my @f;
    my $cc = $q{cc} // 'max-age=600';
    my $tag = defined $q{e} ? "\"$q{e}\"" : undef;
    my $same = defined $tag && index(header($r, 'If-None-Match') // '', $tag) >= 0;
    $cc = $q{c3} if $same && defined $q{c3};
    push @f, 'Cache-Control' => $cc if $cc ne 'none';
    push @f, Age => $q{a} if defined $q{a} && $n <= ($q{k} // 1e9);
    push @f, ETag => $tag if defined $tag;
    push @f, 'Last-Modified' => _date(time - $q{lm}) if $q{lm};
    push @f, Vary => $q{v} if defined $q{v};
    push @f, 'Set-Cookie' => $q{sc} if defined $q{sc};
    push @f, split /:/, $q{f}, 2 if defined $q{f};
    push @f, "X-F$_" => 'v' x ($q{fs} // 20) for 1 .. $q{fn} // 0;
    my $body = content(body_name($path, $q{v}, $r, $q{n} ? $n : ''), $q{s} // 20);
    return _write($conn, $r, \%q, 304, \@f, '') if $same;
    return _write($conn, $r, \%q, $q{st} // 200, \@f, $body);
}

# What content() is given for a request.
sub body_name {
    my ($path, $vary, $r, $n) = @_;
    return join '|', $path, $n, map { header($r, $_) // '' } split /[, ]+/, $vary // '';
}

sub _date {
    my ($time) = @_;
    my @t = gmtime $time;
    return sprintf '%s, %02d %s %d %02d:%02d:%02d GMT', (qw(Sun Mon Tue Wed Thu Fri Sat))[$t[6]], $t[3],
        (qw(Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec))[$t[4]], $t[5] + 1900, @t[2, 1, 0];
}

sub _write {
    my ($conn, $r, $q, $status, $fields, $body) = @_;
    my $how = $status == 304 ? 0 : $q->{t} // 0;
    my $out = "HTTP/1.1 $status Made\r\n";
    my @f   = @$fields;
    while (my ($n, $v) = splice @f, 0, 2) { $out .= "$n: $v\r\n" }
    $out .= 'Content-Length: ' . length($body) . "\r\n" if $how == 0 && $status != 304;
    $out .= "Transfer-Encoding: chunked\r\n" if $how == 1;
    $out .= "Connection: close\r\n" if $how == 2;
    $conn->send("$out\r\n");
    return $how != 2 if $r->{method} eq 'HEAD';
    my $all = length $body;
    my $end = defined $q->{cut} && $q->{cut} < $all ? $q->{cut} : $all;
    my $step = $q->{p} ? int($all / 10) + 1 : 60_000;
    for (my $at = 0; $at < $end; $at += $step) {
        my $piece = substr $body, $at, $at + $step < $end ? $step : $end - $at;
        $piece = sprintf("%x\r\n%s\r\n", length $piece, $piece) if $how == 1;
        $conn->send($piece) == length $piece or return 0;
        sleep $q->{p} if $q->{p};
    }
    return 0 if $end < $all || $how == 2;
    $conn->send("0\r\n\r\n") if $how == 1;
    return 1;
}

# cached_upstream(WEIR, PORT NAME): starts it.
sub cached_upstream {
    my ($w, $name) = @_;
    my $dir = $w->dir;
    return $w->upstream($name, sub { _answer($dir, @_) }, brief => 1);
}

# How often an upstream was asked for that path.
sub fetches {
    my ($w, $path) = @_;
    return -s $w->dir . '/n-' . sha1_hex($path) // 0;
}

# Cache-Status of an answer without the name of the cache.
sub status_of {
    my ($r) = @_;
    my $s = header($r, 'Cache-Status') // '';
    $s =~ s/^weir; //;
    return $s;
}

sub is_hit { return status_of($_[0]) =~ /^hit/ }

# in_parallel(PORT, [TARGET | [METHOD, TARGET, FIELDS]]...): the answers to requests on a connection each that are all
# sent before the first is read; then all are read together, as some may be sent in step.
sub in_parallel {
    my ($port, @targets) = @_;
    my @c = map { begin($port, ref $_ ? @$_ : (GET => $_)) } @targets;
    return finish(@c);
}

# begin(PORT, METHOD, TARGET, FIELDS): sends it.
sub begin {
    my ($port, $method, $target, $fields) = @_;
    my $c = Weir::Client->new(port => $port);
    $c->send(request_bytes($method, $target, [@{$fields // []}, Connection => 'close']));
    $c->{method} = $method;
    return $c;
}

# What comes to any of them within the seconds, or until all have ended.
sub read_together {
    my ($seconds, @c) = @_;
    my $deadline = time + $seconds;
    while (my @open = grep { !$_->{eof} } @c) {
        my $bits = '';
        vec($bits, fileno $_->{sock}, 1) = 1 for @open;
        return if time > $deadline;
        next if select($bits, undef, undef, 0.1) < 1;
        $_->_fill(time + 1) for grep { vec $bits, fileno $_->{sock}, 1 } @open;
    }
    return;
}

# The answers to what begin() sent.
sub finish {
    my (@c) = @_;
    read_together(Weir::timeout(), @c);
    return map { my $r = $_->read_response(method => $_->{method}, timeout => 0.01); $_->close; $r } @c;
}

1;
