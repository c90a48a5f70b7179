# clang-tidy over the C sources, with the checks of .clang-tidy, one job for each processor, which lets other tests go
# first.  The analyzer looks a short way into each function, which takes a fifth of the time; WEIR_TIDY=deep lets it
# go all the way, WEIR_TIDY=no leaves all this out.
use strict;
use warnings;
use FindBin qw($Bin);
use Test::More;

chomp(my $jobs = `nproc 2>/dev/null` || 2);
my $root = "$Bin/..";

# What it gets wrong, by file and check.
my %wrong = (
    'src/core/upstream/h1_client.c clang-analyzer-core.NonNullParamChecker' => 'the buffer is never NULL',
    'src/main/explain.c clang-analyzer-core.NullDereference'       => 'there is an array where its count is not 0',
    'src/main/explain_text.c clang-analyzer-core.NullDereference'  => 'a route has its operations',
);

sub in_path {
    my ($program) = @_;
    return (grep { -x && !-d } map { "$_/$program" } split /:/, $ENV{PATH} // '')[0];
}

my $how = $ENV{WEIR_TIDY} // 'shallow';
plan skip_all => 'WEIR_TIDY=no' if $how eq 'no';
plan skip_all => 'no clang-tidy'       if !in_path('clang-tidy');
plan skip_all => 'no pkg-config'       if !in_path('pkg-config');
my $libraries = `pkg-config --cflags libevent_core openssl libpcre2-8 libconfig 2>&1`;
plan skip_all => 'pkg-config does not know the libraries' if $? != 0;
my ($weir) = grep { -x } $ENV{WEIR} // (), './weir', "$root/build/weir";
my $build = ($weir // '') =~ s{[^/]*\z}{}r || '.';
plan skip_all => 'no config.h beside the program' if !-r "$build/config.h";

chdir $root or die "$root: $!\n" if $build =~ m{^/};
my $source = $build =~ m{^/} ? '.' : $root;
my @files  = (glob("$source/src/*/*.c"), glob("$source/src/*/*/*.c"), glob("$source/modules/*.c"));
cmp_ok(scalar @files, '>', 50, 'there are sources');
my @flags = ('-std=gnu11', '-D_GNU_SOURCE', '-DLLHTTP_STRICT_MODE=1', "-I$source/src", "-I$source", "-I$build",
    qw(-isystem /usr/share/include/llhttp), split ' ', $libraries);
push @flags, qw(-Xclang -analyzer-config -Xclang mode=shallow) if $how ne 'deep';

# Each job takes every n-th file: long ones stand beside one another.
my @running;
for my $job (0 .. $jobs - 1) {
    my @mine = @files[grep { $_ % $jobs == $job } 0 .. $#files];
    open my $out, '-|', 'sh', '-c', 'exec nice clang-tidy --quiet "$@" 2>&1', 'sh', @mine, '--', @flags
        or die "clang-tidy: $!\n";
    push @running, $out;
}
my (%found, $broken);
for my $out (@running) {
    while (my $line = <$out>) {
        next if $line !~ m{^(\S+?):\d+:\d+: (warning|error): .*\[(\S+)\]$};
        my ($file, $kind, $check) = ($1, $2, $3);
        $file =~ s{^.*?(?=(?:src|modules)/)}{};
        $broken = 1 if $kind eq 'error';
        $found{$line =~ s{^\S+?(?=:)}{$file}r} = 1 if !$wrong{"$file $check"};
    }
    close $out;
}
ok(!$broken, 'every file is understood');
is(join('', sort keys %found), '', 'and nothing found');
done_testing;
