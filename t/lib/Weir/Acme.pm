package Weir::Acme;

# A small authority that speaks ACME in the clear on 127.0.0.1, one forked process: it asks for the token over HTTP and
# signs with the openssl command. It checks no signatures (pebble does), but nonces.
#
#   my $authority = Weir::Acme->start(dir => $w->dir, http => PORT);
#   $authority->url;                   of the directory
#   $authority->set(KEY => VALUE);     how it behaves from now on; set() makes it behave well
#   $authority->asked;                 the paths it was asked for, in order
#
# KEYs: nonces (that many posts are refused with badNonce), limited (seconds of Retry-After with every order),
# invalid (the check of every name fails with this text), hang (this path is never answered), garbage (what it answers to
# this path is no JSON), slow (looks that say "processing"), foreign (the certificate is for another key), tail (stands behind the
# certificate), nameless (no URL of the account is given).

use strict;
use warnings;
use Carp qw(croak);
use IO::Socket::INET;
use JSON::PP ();
use MIME::Base64 qw(encode_base64 decode_base64);
use POSIX ();
use parent 'Weir::Child';

use constant LIFETIME => 300;

sub start {
    my ($class, %o) = @_;
    my $listen = IO::Socket::INET->new(Listen => 16, LocalAddr => '127.0.0.1', ReuseAddr => 1) or croak "listen: $!";
    my $self = bless {
        %o,
        port => $listen->sockport,
        file => "$o{dir}/authority.json",
        log  => "$o{dir}/authority.log",
    }, $class;
    $self->set;
    $self->_openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
        "$o{dir}/authority.key", '-out', "$o{dir}/authority.pem", '-days', 30, '-subj', '/CN=small authority');
    $self->fork_child('acme', sub { $self->_serve($listen) });
    close $listen;
    return $self;
}

sub url { return "http://127.0.0.1:$_[0]{port}/directory" }

sub set {
    my ($self, %how) = @_;
    open my $fh, '>', "$self->{file}.new" or croak "$self->{file}: $!";
    print {$fh} JSON::PP::encode_json(\%how);
    close $fh;
    rename "$self->{file}.new", $self->{file} or croak "$self->{file}: $!";
    return;
}

sub asked {
    my ($self) = @_;
    open my $fh, '<', $self->{log} or return;
    chomp(my @lines = <$fh>);
    return @lines;
}

sub _openssl {
    my ($self, @args) = @_;
    my $pid = fork // croak "fork: $!";
    if (!$pid) {
        open STDOUT, '>', '/dev/null' or POSIX::_exit(127);
        open STDERR, '>', '/dev/null' or POSIX::_exit(127);
        exec 'openssl', @args or POSIX::_exit(127);
    }
    waitpid $pid, 0;
    return $? == 0;
}

sub _serve {
    my ($self, $listen) = @_;
    my $end = time + LIFETIME;
    my @hung;
    while (time < $end && Weir::Child::test_lives()) {
        my $can = '';
        vec($can, fileno $listen, 1) = 1;
        next if select($can, undef, undef, 0.5) <= 0;
        my $s = $listen->accept or next;
        local $SIG{ALRM} = sub { die "slow\n" };
        alarm 10;
        my $kept = eval { $self->_one($s) };
        print {*STDERR} "acme: $@" if $@;
        alarm 0;
        push @hung, $s if $kept;
    }
    return;
}

sub _how {
    my ($self) = @_;
    open my $fh, '<', $self->{file} or return {};
    local $/;
    return JSON::PP::decode_json(<$fh>);
}

sub _text {
    my ($text) = @_;
    $text =~ tr{-_}{+/};
    return decode_base64($text . '=' x (-length($text) % 4));
}

# True: the connection is to stay open without an answer.
sub _one {
    my ($self, $s) = @_;
    my $head = '';
    while ($head !~ /\r\n\r\n/) {
        sysread($s, $head, 1, length $head) or return 0;
    }
    my ($method, $path) = $head =~ /\A(\S+) (\S+)/;
    my ($length) = $head =~ /^Content-Length: (\d+)/mi;
    my $body = '';
    while (length $body < ($length // 0)) {
        sysread($s, $body, $length - length $body, length $body) or return 0;
    }
    my ($kind) = $path =~ m{\A(/[a-z]+)};
    open my $log, '>>', $self->{log} or die "$self->{log}: $!\n";
    print {$log} "$kind\n";
    close $log;
    my $how = $self->_how;
    return 1 if ($how->{hang} // '') eq $kind;
    my ($status, $answer, @fields) = $self->_answer($how, $method, $path, $body);
    my $text = ref $answer ? JSON::PP::encode_json($answer) : $answer;
    $text = '<html>' if ($how->{garbage} // '') eq $kind;
    my $nonce = 'nonce-' . ++$self->{nonce};
    $self->{good}{$nonce} = 1;
    my $out = "HTTP/1.1 $status x\r\nReplay-Nonce: $nonce\r\nContent-Length: " . length($text) . "\r\n"
        . join('', map { "$_\r\n" } @fields) . "\r\n" . ($method eq 'HEAD' ? '' : $text);
    syswrite $s, $out;
    return 0;
}

sub _problem {
    my ($type, $detail) = @_;
    return {type => "urn:ietf:params:acme:error:$type", detail => $detail};
}

sub _answer {
    my ($self, $how, $method, $path, $body) = @_;
    my $base = "http://127.0.0.1:$self->{port}";
    if ($path eq '/directory') {
        return 200, {newNonce => "$base/nonce", newAccount => "$base/account", newOrder => "$base/order"};
    }
    return 200, '' if $path eq '/nonce';
    my $jws  = JSON::PP::decode_json($body);
    my $head = JSON::PP::decode_json(_text($jws->{protected}));
    my $text = _text($jws->{payload});
    my $said = length $text ? JSON::PP::decode_json($text) : undef;
    return 400, _problem('malformed', 'another URL was signed') if $head->{url} ne "$base$path";
    return 400, _problem('badNonce', 'never heard of it') if !delete $self->{good}{$head->{nonce}};
    if (($how->{nonces} // 0) > ($self->{refused} // 0)) {
        $self->{refused}++;
        return 400, _problem('badNonce', 'as the test wants it');
    }
    if ($path eq '/account') {
        $self->{jwk} = $head->{jwk};
        return 201, {status => 'valid', contact => $said->{contact}}, $how->{nameless} ? () : "Location: $base/account/1";
    }
    return 400, _problem('accountDoesNotExist', 'who is it') if ($head->{kid} // '') ne "$base/account/1";
    return $self->_order($how, $base, $path, $said);
}

sub _order {
    my ($self, $how, $base, $path, $said) = @_;
    if ($path eq '/order') {
        return 429, _problem('rateLimited', 'too many certificates'), "Retry-After: $how->{limited}" if $how->{limited};
        my $n = ++$self->{count};
        $self->{orders}{$n} = {n => $n, host => $said->{identifiers}[0]{value}, checked => 0, looks => 0};
        return 201, {status => 'pending', authorizations => ["$base/authorization/$n"], finalize => "$base/finalize/$n"},
            "Location: $base/look/$n";
    }
    my ($kind, $n) = $path =~ m{\A/(\w+)/(\d+)\z} or return 404, {};
    my $order = $self->{orders}{$n} or return 404, {};
    my $challenge = {type => 'http-01', url => "$base/challenge/$n", token => "abc_DEF-$n"};
    if ($kind eq 'authorization') {
        my $status = ('pending', 'valid', 'invalid')[$order->{checked}];
        $status = 'pending' if $status eq 'valid' && $order->{looks}++ < ($how->{slow} // 0);
        $challenge->{error} = _problem('unauthorized', $how->{invalid}) if $status eq 'invalid';
        return 200, {status => $status, challenges => [{type => 'dns-01'}, $challenge]};
    }
    if ($kind eq 'challenge') {
        $order->{checked} = $how->{invalid} || !$self->_check($order->{host}, $challenge->{token}) ? 2 : 1;
        return 200, $challenge;
    }
    return 200, {status => 'valid', certificate => "$base/certificate/$n"} if $kind eq 'look';
    if ($kind eq 'finalize') {
        $self->_sign($order, $said->{csr}, $how->{foreign});
        return 200, {status => 'processing'}, 'Retry-After: 1';
    }
    open my $fh, '<', "$self->{dir}/issued-$n.pem" or return 404, {};
    local $/;
    return 200, <$fh> . ($how->{tail} // ''), 'Content-Type: application/pem-certificate-chain';
}

sub _check {
    my ($self, $host, $token) = @_;
    my $s = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $self->{http}, Timeout => 5) or return 0;
    print {$s} "GET /.well-known/acme-challenge/$token HTTP/1.1\r\nHost: $host\r\nConnection: close\r\n\r\n";
    local $/;
    my $text = <$s> // '';
    return $text =~ m{\AHTTP/1\.1 200 .*\r\n\r\n\Q$token\E\.[\w-]{43}\z}s ? 1 : 0;
}

sub _sign {
    my ($self, $order, $csr, $foreign) = @_;
    my $d = "$self->{dir}/issued-$order->{n}";
    open my $fh, '>', "$d.csr" or die "$d: $!\n";
    print {$fh} "-----BEGIN CERTIFICATE REQUEST-----\n" . encode_base64(_text($csr)) . "-----END CERTIFICATE REQUEST-----\n";
    close $fh;
    if ($foreign) {
        return $self->_openssl('req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout',
            '/dev/null', '-out', "$d.pem", '-subj', "/CN=$order->{host}");
    }
    return $self->_openssl('x509', '-req', '-in', "$d.csr", '-CA', "$self->{dir}/authority.pem", '-CAkey', "$self->{dir}/authority.key",
        '-days', 30, '-set_serial', 1 + ++$self->{serial}, '-copy_extensions', 'copy', '-out', "$d.pem");
}

1;
