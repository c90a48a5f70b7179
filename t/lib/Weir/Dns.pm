package Weir::Dns;

# A small name server for the tests: UDP and TCP on one port of 127.0.0.1 (or another
# {address}), one forked process. What it answers is in a file that the test replaces with set(); it is read
# for every query. Every name that was asked for is appended to another file.
#
#   my $dns = Weir::Dns->start(dir => $w->dir);
#   $dns->set('app.test' => {A => ['127.0.0.1'], AAAA => ['::1'], ttl => 1});
#   $dns->set('_http._tcp.app.test' => {SRV => [[PRIORITY, WEIGHT, PORT, TARGET], ...]});
#   $dns->set('app.test' => {do => 'silence'});
#   $dns->set(undef);        every name is unknown again
#
# {do}: silence; garbage (bytes, then a right id with garbage); servfail; nxdomain;
# cut (an answer that ends within a record); truncated (UDP says TC, TCP answers);
# wrong_id; loop (a name that points at itself). {only} => 'AAAA' limits it to that type.

use strict;
use warnings;
use Carp qw(croak);
use IO::Select;
use IO::Socket::INET;
use JSON::PP ();
use Socket qw(AF_INET6 inet_aton inet_pton);
use parent 'Weir::Child';

my %TYPE = (1 => 'A', 28 => 'AAAA', 33 => 'SRV');

use constant LIFETIME => 300;

sub start {
    my ($class, %o) = @_;
    my $self = bless {zone => {}, file => "$o{dir}/dns.json", log => "$o{dir}/dns.log"}, $class;
    my ($udp, $tcp);
    for (1 .. 50) {
        $udp = IO::Socket::INET->new(Proto => 'udp', LocalAddr => $o{address} // '127.0.0.1', LocalPort => $o{port} // 0)
            or croak "udp: $!";
        $tcp = IO::Socket::INET->new(
            Proto     => 'tcp',
            LocalAddr => $o{address} // '127.0.0.1',
            LocalPort => $udp->sockport,
            Listen    => 8,
            ReuseAddr => 1,
        );
        last if $tcp || $o{port};
    }
    croak "no port for a name server: $!" if !$tcp;
    $self->{port} = $udp->sockport;
    $self->_write;
    return $self->fork_child('name server', sub { alarm LIFETIME; $self->_serve($udp, $tcp) });
}

sub port { return $_[0]{port} }

sub set {
    my ($self, $name, $answer) = @_;
    if (defined $name) {
        $self->{zone}{$name} = $answer;
    } else {
        $self->{zone} = {};
    }
    $self->_write;
    return;
}

# How often a name was asked for, as any type.
sub asked {
    my ($self, $name) = @_;
    open my $fh, '<', $self->{log} or return 0;
    return scalar grep { (split)[0] eq $name } <$fh>;
}

sub _write {
    my ($self) = @_;
    open my $fh, '>', "$self->{file}.new" or croak "$self->{file}: $!";
    print {$fh} JSON::PP::encode_json($self->{zone});
    close $fh or croak "$self->{file}: $!";
    rename "$self->{file}.new", $self->{file} or croak "$self->{file}: $!";
    return;
}

# ---- in the fork

sub _serve {
    my ($self, $udp, $tcp) = @_;
    my $select = IO::Select->new($udp, $tcp);
    while (Weir::Child::test_lives()) {
        for my $s ($select->can_read(0.5)) {
            if ($s == $udp) {
                my $from = recv $udp, my $query, 4096, 0;
                next if !defined $from;
                send $udp, $_, 0, $from for $self->_answers($query, 'udp');
            } elsif ($s == $tcp) {
                my $conn = $tcp->accept or next;
                $select->add($conn);
            } else {
                $self->_tcp_query($s) or do { $select->remove($s); close $s; };
            }
        }
    }
    return;
}

sub _tcp_query {
    my ($self, $s) = @_;
    my $query = '';
    my $want = 2;
    while (length $query < $want) {
        my $n = sysread $s, $query, $want - length $query, length $query;
        return 0 if !$n;
        $want = 2 + unpack 'n', $query if $want == 2 && length $query == 2;
    }
    syswrite $s, pack('n/a*', $_) for $self->_answers(substr($query, 2), 'tcp');
    return 1;
}

sub _name {
    my ($name) = @_;
    return join('', map { pack 'C/a*', $_ } split /\./, $name) . "\0";
}

# The data of one record.
sub _data {
    my ($type, $value) = @_;
    return inet_aton($value) if $type eq 'A';
    return inet_pton(AF_INET6, $value) if $type eq 'AAAA';
    return pack('nnn', @$value[0 .. 2]) . _name($value->[3]);
}

sub _answers {
    my ($self, $query, $how) = @_;
    return if length $query < 12;
    my ($id, $flags, $questions) = unpack 'nnn', $query;
    my ($at, @labels) = (12);
    while ((my $n = ord substr $query, $at, 1) > 0) {
        push @labels, substr $query, $at + 1, $n;
        $at += 1 + $n;
    }
    my $name     = lc join '.', @labels;
    my $type     = $TYPE{unpack 'n', substr $query, $at + 1, 2} // 'other';
    my $question = substr $query, 12, $at + 5 - 12;
    open my $log, '>>', $self->{log} or die "$self->{log}: $!\n";
    syswrite $log, "$name $type $how\n";
    open my $fh, '<', $self->{file} or die "$self->{file}: $!\n";
    my $answer = JSON::PP::decode_json(do { local $/; <$fh> })->{$name};
    my $do     = $answer->{do} // '';
    $do = '' if $answer->{only} && $answer->{only} ne $type;
    my @values = @{$answer->{$type} // []};
    my $ttl    = $answer->{ttl} // 1;
    my $head   = sub { pack 'nnnnnn', $_[0], $_[1], 1, $_[2], 0, 0 };

    return if $do eq 'silence';
    return ("\xff" x 7, $head->($id, 0x8180, 3) . $question . "\xc0\xff\xff\x00" x 20) if $do eq 'garbage';
    return $head->($id, 0x8182, 0) . $question if $do eq 'servfail';
    return $head->($id, 0x8183, 0) . $question if !$answer || $do eq 'nxdomain';
    return $head->($id, 0x8380, 0) . $question if $do eq 'truncated' && $how eq 'udp';
    my $records = join '', map { pack('nnnN', 0xc00c, unpack('n', substr $query, $at + 1, 2), 1, $ttl)
            . pack 'n/a*', _data($type, $_) } @values;
    # A name that is a pointer to itself.
    $records = pack('nnnNn', 0xc000 | length($query), 1, 1, $ttl, 4) . "\x7f\0\0\1" if $do eq 'loop';
    $records = substr $records, 0, -2 if $do eq 'cut';
    return $head->($do eq 'wrong_id' ? $id ^ 1 : $id, 0x8180, $do eq 'loop' ? 1 : scalar @values) . $question . $records;
}

1;
