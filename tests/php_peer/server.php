<?php
// Router for `php -S`: a site with a title, and the two places where peers call.

require __DIR__ . '/peer.php';
$peer = new Peer(getenv('PHP_PEER_STATE'));
if (str_ends_with($_SERVER['REQUEST_URI'], '/xmlrpc/server.php')) {
    if (getenv('PHP_PEER_HTML') !== false) {
        echo '<html><title>Error</title>Networking is off</html>';
        return;
    }
    header('Content-Type: text/xml; charset=utf-8');
    echo $peer->answer(file_get_contents('php://input'));
    return;
}
echo '<html><head><title>PHP &amp; peer</title></head></html>';
