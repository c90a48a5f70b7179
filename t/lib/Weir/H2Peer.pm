package Weir::H2Peer;

# One side of HTTP/2 (RFC 9113) for the tests, frame by frame: servers that answer well or badly, for
# every byte is the test's, and what calls them. Reads block; there is no deadline but the test's alarm.

use strict;
use warnings;
use Carp qw(croak);
use Exporter qw(import);
use Weir::Hpack qw(encode);

our @EXPORT_OK = qw(DATA HEADERS RST_STREAM SETTINGS PUSH_PROMISE PING GOAWAY WINDOW_UPDATE CONTINUATION
    END_STREAM END_HEADERS);

use constant {DATA => 0, HEADERS => 1, RST_STREAM => 3, SETTINGS => 4, PUSH_PROMISE => 5, PING => 6, GOAWAY => 7,
    WINDOW_UPDATE => 8, CONTINUATION => 9};
use constant {END_STREAM => 1, ACK => 1, END_HEADERS => 4, PADDED => 8, PRIORITY => 32};
use constant PREFACE => "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

# server(SOCKET [, settings => {ID => VALUE...}] [, silent => 1]): has read the preface and sent SETTINGS.
sub server {
    my ($class, $sock, %o) = @_;
    my $self = bless {sock => $sock, in => '', hpack => Weir::Hpack->new}, $class;
    my $preface = $self->_bytes(length PREFACE) // return;
    return if $preface ne PREFACE;
    $self->settings(%{$o{settings} // {}}) if !$o{silent};
    return $self;
}

# client(SOCKET): has sent the preface and SETTINGS.
sub client {
    my ($class, $sock) = @_;
    my $self = bless {sock => $sock, in => '', hpack => Weir::Hpack->new, stream => -1}, $class;
    $self->raw(PREFACE);
    $self->settings;
    return $self;
}

# A new stream: FIELDS follow the pseudo-fields of a POST to PATH.
sub post {
    my ($self, $path, $fields, $end) = @_;
    $self->{stream} += 2;
    $self->headers($self->{stream},
        [':method' => 'POST', ':scheme' => 'http', ':authority' => 'localhost', ':path' => $path, @$fields], $end);
    return $self->{stream};
}

# The answer on a stream, others' frames are dropped: {head, body, trailers, reset}; undef when the connection ends.
sub answer {
    my ($self, $stream) = @_;
    my %r = (body => '');
    while (my $f = $self->next) {
        next if $f->{stream} != $stream;
        if ($f->{type} == HEADERS) {
            $r{exists $r{head} && $r{head}{':status'} >= 200 ? 'trailers' : 'head'} = $f->{fields};
        } elsif ($f->{type} == DATA) {
            $r{body} .= $f->{payload};
        } elsif ($f->{type} == RST_STREAM) {
            $r{reset} = unpack 'N', $f->{payload};
        }
        return \%r if $f->{end} || exists $r{reset};
    }
    return;
}

sub _bytes {
    my ($self, $n) = @_;
    while (length $self->{in} < $n) {
        my $got = sysread $self->{sock}, $self->{in}, 65536, length $self->{in};
        return if !$got;
    }
    return substr $self->{in}, 0, $n, '';
}

# Bytes as they are.
sub raw {
    my ($self, $bytes) = @_;
    while (length $bytes) {
        my $n = syswrite $self->{sock}, $bytes;
        return 0 if !$n;
        substr $bytes, 0, $n, '';
    }
    return 1;
}

sub frame {
    my ($self, $type, $flags, $stream, $payload) = @_;
    $payload //= '';
    return $self->raw(substr(pack('N', length $payload), 1) . pack('CCN', $type, $flags, $stream) . $payload);
}

sub settings {
    my ($self, %o) = @_;
    return $self->frame(SETTINGS, 0, 0, join '', map { pack 'nN', $_, $o{$_} } sort keys %o);
}

sub window { my ($self, $stream, $bytes) = @_; return $self->frame(WINDOW_UPDATE, 0, $stream, pack 'N', $bytes) }
sub reset_stream { my ($self, $stream, $code) = @_; return $self->frame(RST_STREAM, 0, $stream, pack 'N', $code) }
sub goaway { my ($self, $last, $code) = @_; return $self->frame(GOAWAY, 0, 0, pack 'NN', $last, $code // 0) }

# In as many frames as it takes.
sub headers {
    my ($self, $stream, $fields, $end) = @_;
    my @parts = unpack '(a16384)*', encode(@$fields);
    my $type  = HEADERS;
    my $flags = $end ? END_STREAM : 0;
    while (defined(my $part = shift @parts)) {
        $self->frame($type, $flags | (@parts ? 0 : END_HEADERS), $stream, $part) or return 0;
        ($type, $flags) = (CONTINUATION, 0);
    }
    return 1;
}

sub data {
    my ($self, $stream, $bytes, $end) = @_;
    return $self->frame(DATA, $end ? END_STREAM : 0, $stream, $bytes);
}

# The next frame that says something: {type, stream, flags, end, fields => {...} or payload}; undef at the end.
# SETTINGS and PING are answered; what was sent is opened again, unless {stalls}.
sub next {
    my ($self) = @_;
    while (defined(my $head = $self->_bytes(9))) {
        my ($high, $low, $type, $flags, $stream) = unpack 'CnCCN', $head;
        my $payload = $self->_bytes($high << 16 | $low) // return;
        if ($type == SETTINGS) {
            $self->frame(SETTINGS, ACK, 0) if !($flags & ACK);
        } elsif ($type == PING && !($flags & ACK)) {
            $self->frame(PING, ACK, 0, $payload);
        } elsif ($type == HEADERS) {
            return $self->_headers($stream, $flags, $payload);
        } else {
            if ($type == DATA && length $payload && !$self->{stalls}) {
                $self->window(0,       length $payload);
                $self->window($stream, length $payload) if !($flags & END_STREAM);
            }
            return {type => $type, stream => $stream, flags => $flags, payload => $payload,
                end => $type == DATA && $flags & END_STREAM};
        }
    }
    return;
}

sub _headers {
    my ($self, $stream, $flags, $payload) = @_;
    my $end = $flags & END_STREAM;
    substr $payload, 0, 5, '' if $flags & PRIORITY;
    while (!($flags & END_HEADERS)) {
        my ($high, $low, $type, $more) = unpack 'CnCC', $self->_bytes(9) // return;
        croak "frame $type within a head" if $type != CONTINUATION;
        $payload .= $self->_bytes($high << 16 | $low) // return;
        $flags = $more;
    }
    return {type => HEADERS, stream => $stream, end => $end, fields => $self->_fields($payload)};
}

# Several fields of one name are joined by ", ".
sub _fields {
    my ($self, $block) = @_;
    my %fields;
    for my $field ($self->{hpack}->decode($block)) {
        my ($name, $value) = @$field;
        $fields{$name} = defined $fields{$name} ? "$fields{$name}, $value" : $value;
    }
    return \%fields;
}

1;
