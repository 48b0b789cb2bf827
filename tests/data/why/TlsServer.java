import java.io.FileInputStream;
import java.io.IOException;
import java.net.InetAddress;
import java.security.KeyStore;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.SSLServerSocket;
import javax.net.ssl.SSLSocket;

/** Speaks TLS on the port of its first argument, with the PKCS #12 pair of its second. */
public class TlsServer {
    public static void main(String[] arguments) throws Exception {
        char[] password = "pair".toCharArray();
        KeyStore pair = KeyStore.getInstance("PKCS12");
        pair.load(new FileInputStream(arguments[1]), password);
        KeyManagerFactory keys = KeyManagerFactory.getInstance("SunX509");
        keys.init(pair, password);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), null, null);
        int port = Integer.parseInt(arguments[0]);
        InetAddress here = InetAddress.getByName("127.0.0.1");
        SSLServerSocket server = (SSLServerSocket) context.getServerSocketFactory().createServerSocket(port, 5, here);
        System.out.println("listens");
        while (true) {
            try (SSLSocket client = (SSLSocket) server.accept()) {
                client.startHandshake();
            } catch (IOException refused) {
                System.out.println(refused);
            }
        }
    }
}
